// reads.c: a ring of pinned memory, and its mirror on the GPU.
//
// What is asked for is copied into the mirror, in a moment, by the stream that computes; a stream of its own brings it to
// the host. So computing waits for no bus.
#include "runtime/cuda/reads.h"

#define MOST_BYTES ((uint64_t)64 << 20)

typedef struct {
    uint64_t offset, bytes, count;
    DType dtype;
    CuEvent made, there; // in the mirror; in the ring
} Ask;

struct Reads {
    const Gpu *gpu;
    Arena *arena;
    uint64_t bytes;
    unsigned char *ring; // pinned
    DevicePtr mirror;
    CuStream stream;
    LIST(Ask) asks;
    size_t taken;          // of asks
    LIST(CuEvent) events;  // that nobody waits for
};

Reads *reads_open(const Gpu *gpu, uint64_t bytes, Arena *arena) {
    Reads *reads = arena_new(arena, Reads);
    *reads = (Reads){.gpu = gpu, .arena = arena, .bytes = MIN(bytes, MOST_BYTES)};
    return reads;
}

static bool open_ring(Reads *reads, Error *err) {
    void *ring = NULL;
    if (reads->ring) return true;
    if (!reads->stream) TRY(cuda_ok(cuda.StreamCreate(&reads->stream, STREAM_NON_BLOCKING), "read results", err));
    if (!reads->mirror) TRY(gpu_take(reads->bytes, "results on their way", &reads->mirror, err));
    TRY(cuda_ok(cuda.MemHostAlloc(&ring, (size_t)reads->bytes, 0), "take memory for results", err));
    reads->ring = ring;
    return true;
}

// Where so many bytes fit: behind the newest, or before the oldest.
static bool find_room(const Reads *reads, uint64_t bytes, uint64_t *at) {
    *at = 0;
    if (reads->taken == reads->asks.len) return bytes <= reads->bytes;
    const Ask *oldest = &reads->asks.at[reads->taken], *newest = &reads->asks.at[reads->asks.len - 1];
    uint64_t end = newest->offset + newest->bytes;
    if (newest->offset < oldest->offset) {
        *at = end;
        return end + bytes <= oldest->offset;
    }
    if (end + bytes > reads->bytes) return bytes <= oldest->offset;
    *at = end;
    return true;
}

static bool take_event(Reads *reads, CuEvent *out, Error *err) {
    if (!reads->events.len) return cuda_ok(cuda.EventCreate(out, EVENT_NO_TIMING), "read results", err);
    *out = reads->events.at[--reads->events.len];
    return true;
}

static void give_events(Reads *reads, const Ask *ask) {
    if (ask->made) list_push(reads->arena, &reads->events, ask->made);
    if (ask->there) list_push(reads->arena, &reads->events, ask->there);
}

static bool send(const Reads *reads, const Ask *ask, DevicePtr at, Error *err) {
    CuStream compute = reads->gpu->stream, copy = reads->stream;
    DevicePtr mirror = reads->mirror + ask->offset;
    size_t bytes = (size_t)ask->bytes;
    return cuda_ok(cuda.MemcpyDtoDAsync(mirror, at, bytes, compute), "read results", err) &&
           cuda_ok(cuda.EventRecord(ask->made, compute), "read results", err) &&
           cuda_ok(cuda.StreamWaitEvent(copy, ask->made, 0), "read results", err) &&
           cuda_ok(cuda.MemcpyDtoHAsync(reads->ring + ask->offset, mirror, bytes, copy), "read results", err) &&
           cuda_ok(cuda.EventRecord(ask->there, copy), "read results", err);
}

bool reads_ask(Reads *reads, DevicePtr at, DType dtype, uint64_t count, bool *asked, Error *err) {
    Ask ask = {.bytes = count * dtype_info[dtype].bytes, .count = count, .dtype = dtype};
    *asked = ask.bytes && find_room(reads, ask.bytes, &ask.offset);
    if (!*asked) return true;
    bool ok = open_ring(reads, err) && take_event(reads, &ask.made, err) && take_event(reads, &ask.there, err) && send(reads, &ask, at, err);
    if (ok)
        list_push(reads->arena, &reads->asks, ask);
    else
        give_events(reads, &ask);
    return ok;
}

bool reads_take(Reads *reads, void *out, Error *err) {
    MUST(reads->taken < reads->asks.len);
    const Ask ask = reads->asks.at[reads->taken++];
    if (reads->taken == reads->asks.len) reads->taken = reads->asks.len = 0;
    give_events(reads, &ask);
    TRY(cuda_ok(cuda.EventSynchronize(ask.there), "read results", err));
    if (dtype_is_short(ask.dtype))
        dtype_to_f32(ask.dtype, reads->ring + ask.offset, out, (size_t)ask.count);
    else
        memcpy(out, reads->ring + ask.offset, (size_t)ask.bytes);
    return true;
}

void reads_forget(Reads *reads) {
    if (reads->stream) cuda.StreamSynchronize(reads->stream);
    for (size_t i = reads->taken; i < reads->asks.len; i++) give_events(reads, &reads->asks.at[i]);
    reads->taken = reads->asks.len = 0;
}

void reads_close(Reads *reads) {
    if (!reads) return;
    reads_forget(reads);
    for (size_t i = 0; i < reads->events.len; i++) cuda.EventDestroy(reads->events.at[i]);
    if (reads->ring) cuda.MemFreeHost(reads->ring);
    gpu_give(reads->mirror);
    if (reads->stream) cuda.StreamDestroy(reads->stream);
}
