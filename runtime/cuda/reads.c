// reads.c: a ring in the GPU's memory, and pinned memory for one value.
//
// What is asked for is copied into the ring, in a moment, by the stream that computes; a stream of its own brings it to
// the host when it is taken. So computing waits for no bus, and launching neither: where a hypervisor stands between, a
// copy that is called asynchronous may wait for all that was launched before.
#include "runtime/cuda/reads.h"

#define MOST_BYTES ((uint64_t)64 << 20)

typedef struct {
    uint64_t offset, bytes, count;
    DType dtype;
    CuEvent made; // in the ring
} Ask;

struct Reads {
    const Gpu *gpu;
    Arena *arena;
    uint64_t bytes;
    DevicePtr ring;
    void *pinned;
    uint64_t pinned_bytes;
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
    if (!reads->stream) TRY(cuda_ok(cuda.StreamCreate(&reads->stream, STREAM_NON_BLOCKING), "read results", err));
    return reads->ring || gpu_take(reads->bytes, "results on their way", &reads->ring, err);
}

static bool open_pinned(Reads *reads, uint64_t bytes, Error *err) {
    if (bytes <= reads->pinned_bytes) return true;
    if (reads->pinned) cuda.MemFreeHost(reads->pinned);
    reads->pinned = NULL;
    reads->pinned_bytes = 0;
    TRY(cuda_ok(cuda.MemHostAlloc(&reads->pinned, (size_t)bytes, 0), "take memory for results", err));
    reads->pinned_bytes = bytes;
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

static void give_event(Reads *reads, CuEvent event) {
    if (event) list_push(reads->arena, &reads->events, event);
}

static bool keep(const Reads *reads, const Ask *ask, DevicePtr at, Error *err) {
    CuStream compute = reads->gpu->stream;
    return cuda_ok(cuda.MemcpyDtoDAsync(reads->ring + ask->offset, at, (size_t)ask->bytes, compute), "read results", err) &&
           cuda_ok(cuda.EventRecord(ask->made, compute), "read results", err);
}

static bool fetch(const Reads *reads, const Ask *ask, Error *err) {
    return cuda_ok(cuda.EventSynchronize(ask->made), "read results", err) &&
           cuda_ok(cuda.MemcpyDtoHAsync(reads->pinned, reads->ring + ask->offset, (size_t)ask->bytes, reads->stream), "read results", err) &&
           cuda_ok(cuda.StreamSynchronize(reads->stream), "read results", err);
}

bool reads_ask(Reads *reads, DevicePtr at, DType dtype, uint64_t count, bool *asked, Error *err) {
    Ask ask = {.bytes = count * dtype_info[dtype].bytes, .count = count, .dtype = dtype};
    *asked = ask.bytes && find_room(reads, ask.bytes, &ask.offset);
    if (!*asked) return true;
    bool ok = open_ring(reads, err) && open_pinned(reads, ask.bytes, err) && take_event(reads, &ask.made, err) && keep(reads, &ask, at, err);
    if (ok)
        list_push(reads->arena, &reads->asks, ask);
    else
        give_event(reads, ask.made);
    return ok;
}

bool reads_take(Reads *reads, void *out, Error *err) {
    MUST(reads->taken < reads->asks.len);
    const Ask ask = reads->asks.at[reads->taken++];
    if (reads->taken == reads->asks.len) reads->taken = reads->asks.len = 0;
    give_event(reads, ask.made);
    TRY(fetch(reads, &ask, err));
    if (dtype_is_short(ask.dtype))
        dtype_to_f32(ask.dtype, reads->pinned, out, (size_t)ask.count);
    else
        memcpy(out, reads->pinned, (size_t)ask.bytes);
    return true;
}

void reads_forget(Reads *reads) {
    if (reads->stream) cuda.StreamSynchronize(reads->stream);
    for (size_t i = reads->taken; i < reads->asks.len; i++) give_event(reads, reads->asks.at[i].made);
    reads->taken = reads->asks.len = 0;
}

void reads_close(Reads *reads) {
    if (!reads) return;
    reads_forget(reads);
    for (size_t i = 0; i < reads->events.len; i++) cuda.EventDestroy(reads->events.at[i]);
    if (reads->pinned) cuda.MemFreeHost(reads->pinned);
    gpu_give(reads->ring);
    if (reads->stream) cuda.StreamDestroy(reads->stream);
}
