// devices.c: where this machine can compute: what was found, or what is missing and how to get it.
#include <inttypes.h>
#include <stdio.h>

#include "api/session.h"
#include "runtime/cpu/llvm.h"
#include "runtime/cpu/pool.h"
#include "runtime/cuda/load.h"

// As runtime/cuda/gpu.c asks for it.
enum { LEAST_CAPABILITY = 8 };

typedef struct {
    const char *name, *key; // for people, in JSON
    Str version;            // empty: it is missing
    const char *file;
    const char *why; // it is missing
} Part;

typedef struct {
    char name[128];
    uint64_t bytes;
    int major, minor, multiprocessors;
} GpuFound;

typedef struct {
    Arena *arena;
    Str processor;
    uint32_t threads;
    uint64_t memory;
    Part llvm;
    Part cuda[4]; // the driver, NVRTC, cuBLASLt, cuSOLVER
    LIST(GpuFound) gpus;
    const char *why_no_gpu;
} Devices;

// ---- The processor

static Str processor_name(Arena *arena) {
    char line[256];
    Str name = STR("a processor");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) != 0 || !colon || colon[1] != ' ') continue;
        name = str_copy(arena, (Str){colon + 2, strcspn(colon + 2, "\n")});
        break;
    }
    if (file) fclose(file);
    return name;
}

static void find_processor(Devices *found) {
    Error err;
    found->processor = processor_name(found->arena);
    found->threads = pool_default_threads();
    found->memory = memory_available();
    found->llvm = (Part){.name = "LLVM", .key = "llvm", .file = MDX_LLVM_LIBRARY};
    if (llvm_load(&err))
        found->llvm.version = STR(MDX_LLVM_VERSION);
    else
        found->llvm.why = str_copy(found->arena, str_of(err.text)).at;
}

// ---- The GPU

static Str driver_version(Arena *arena) {
    int version = 0;
    char line[64] = "";
    FILE *file = fopen("/sys/module/nvidia/version", "r");
    if (file && !fgets(line, sizeof line, file)) line[0] = '\0';
    if (file) fclose(file);
    line[strcspn(line, "\n")] = '\0';
    cuda.DriverGetVersion(&version);
    return str_format(arena, "%s%sCUDA %d.%d", line, *line ? ", " : "", version / 1000, version % 1000 / 10);
}

static Str nvrtc_version(Arena *arena) {
    int major = 0, minor = 0;
    nvrtc.Version(&major, &minor);
    return str_format(arena, "%d.%d", major, minor);
}

static Str blaslt_version(Arena *arena) {
    size_t version = blaslt.GetVersion();
    return str_format(arena, "%zu.%zu.%zu", version / 10000, version / 100 % 100, version % 100);
}

static Str cusolver_version(Arena *arena) {
    int version = 0;
    cusolver.GetVersion(&version);
    return str_format(arena, "%d.%d.%d", version / 1000, version / 100 % 10, version % 100);
}

static const struct {
    const char *name, *key;
    bool (*load)(const char *path, Error *err);
    Str (*version)(Arena *arena);
    const char *(*file)(void);
    bool spared; // without it less is done on the GPU
} parts[] = {
    {"driver", "driver", cuda_load, driver_version, cuda_file, false},
    {"NVRTC", "nvrtc", nvrtc_load, nvrtc_version, nvrtc_file, false},
    {"cuBLASLt", "cublaslt", blaslt_load, blaslt_version, blaslt_file, false},
    {"cuSOLVER", "cusolver", cusolver_load, cusolver_version, cusolver_file, true},
};

static bool look_at_gpu(int number, GpuFound *out, Error *err) {
    CuDevice device;
    size_t bytes;
    TRY(cuda_ok(cuda.DeviceGet(&device, number), "opening a GPU", err));
    TRY(cuda_ok(cuda.DeviceGetName(out->name, sizeof out->name, device), "asking a GPU for its name", err));
    TRY(cuda_ok(cuda.DeviceTotalMem(&bytes, device), "asking a GPU for its memory", err));
    out->bytes = bytes;
    const struct {
        int attribute, *to;
    } asked[] = {{GPU_ATTR_CAPABILITY_MAJOR, &out->major},
                 {GPU_ATTR_CAPABILITY_MINOR, &out->minor},
                 {GPU_ATTR_MULTIPROCESSORS, &out->multiprocessors}};
    for (size_t i = 0; i < COUNT(asked); i++)
        TRY(cuda_ok(cuda.DeviceGetAttribute(asked[i].to, asked[i].attribute, device), "asking a GPU what it is", err));
    return true;
}

static bool look_at_gpus(Devices *found, Error *err) {
    int count = 0;
    TRY(cuda_ok(cuda.DeviceGetCount(&count), "counting the GPUs", err));
    for (int i = 0; i < count; i++) {
        GpuFound gpu = {0};
        TRY(look_at_gpu(i, &gpu, err));
        list_push(found->arena, &found->gpus, gpu);
    }
    if (!count) FAIL(err, ERR_SYSTEM, "the driver sees no GPU");
    if (found->gpus.at[0].major >= LEAST_CAPABILITY) return true;
    FAIL(err, ERR_SYSTEM, "%s has compute capability %d.%d; mdx needs %d.0 or newer", found->gpus.at[0].name,
         found->gpus.at[0].major, found->gpus.at[0].minor, LEAST_CAPABILITY);
}

static void find_gpus(Devices *found, const char *path) {
    Error err;
    for (size_t i = 0; i < COUNT(parts); i++) {
        found->cuda[i] = (Part){.name = parts[i].name, .key = parts[i].key};
        if (!parts[i].load(path, &err)) {
            found->cuda[i].why = str_copy(found->arena, str_of(err.text)).at;
            continue;
        }
        found->cuda[i].version = parts[i].version(found->arena);
        found->cuda[i].file = parts[i].file();
    }
    if (!cuda_file() || look_at_gpus(found, &err)) return;
    found->why_no_gpu = str_copy(found->arena, str_of(err.text)).at;
}

static bool gpu_usable(const Devices *found) {
    bool usable = !found->why_no_gpu;
    for (size_t i = 0; i < COUNT(parts); i++) usable &= parts[i].spared || found->cuda[i].version.len > 0;
    return usable;
}

// ---- As text

static void print_part(const Part *part, Text *out) {
    if (part->version.len)
        text_add(out, "        %-9s %.*s, %s\n", part->name, STR_ARG(part->version), part->file);
    else
        text_add(out, "        %-9s %s\n", part->name, part->why);
}

static void print_gpus(const Devices *found, Text *out) {
    text_add(out, "cuda    %s\n", gpu_usable(found) ? "usable" : "not usable");
    for (size_t i = 0; i < found->gpus.len; i++) {
        const GpuFound *gpu = &found->gpus.at[i];
        text_add(out, "        GPU %zu     %s, %.1f GiB, compute capability %d.%d, %d multiprocessors%s\n", i,
                 gpu->name, (double)gpu->bytes / 0x1p30, gpu->major, gpu->minor, gpu->multiprocessors,
                 i ? " (not used)" : "");
    }
    if (found->why_no_gpu) text_add(out, "        GPU       %s\n", found->why_no_gpu);
    for (size_t i = 0; i < COUNT(parts); i++) print_part(&found->cuda[i], out);
}

static void print_text(const Devices *found, Text *out) {
    text_add(out, "ref     usable\n        plain loops, one thread: the definition of every operation\n");
    text_add(out, "cpu     %s\n", found->llvm.version.len ? "usable" : "not usable");
    text_add(out, "        %.*s, %" PRIu32 " %s, %.1f GiB of memory to have\n", STR_ARG(found->processor),
             found->threads, found->threads == 1 ? "core" : "cores", (double)found->memory / 0x1p30);
    print_part(&found->llvm, out);
    print_gpus(found, out);
}

// ---- As JSON

static void json_part(const Part *part, Text *out) {
    text_add(out, "\"%s\": {\"version\": ", part->key);
    if (!part->version.len) {
        text_str(out, STR("null, \"why\": "));
        text_json(out, str_of(part->why));
    } else {
        text_json(out, part->version);
        text_str(out, STR(", \"file\": "));
        text_json(out, str_of(part->file));
    }
    text_char(out, '}');
}

static void json_gpus(const Devices *found, Text *out) {
    text_str(out, STR("\"gpus\": ["));
    for (size_t i = 0; i < found->gpus.len; i++) {
        const GpuFound *gpu = &found->gpus.at[i];
        text_str(out, i ? STR(", {\"name\": ") : STR("{\"name\": "));
        text_json(out, str_of(gpu->name));
        text_add(out, ", \"memory\": %" PRIu64 ", \"capability\": \"%d.%d\", \"multiprocessors\": %d}", gpu->bytes,
                 gpu->major, gpu->minor, gpu->multiprocessors);
    }
    text_str(out, STR("], \"why\": "));
    if (found->why_no_gpu)
        text_json(out, str_of(found->why_no_gpu));
    else
        text_str(out, STR("null"));
}

static void print_json(const Devices *found, Text *out) {
    text_str(out, STR("{\n  \"ref\": {\"usable\": true},\n"));
    text_add(out, "  \"cpu\": {\"usable\": %s, \"processor\": ", found->llvm.version.len ? "true" : "false");
    text_json(out, found->processor);
    text_add(out, ", \"cores\": %" PRIu32 ", \"memory\": %" PRIu64 ", ", found->threads, found->memory);
    json_part(&found->llvm, out);
    text_add(out, "},\n  \"cuda\": {\"usable\": %s, ", gpu_usable(found) ? "true" : "false");
    json_gpus(found, out);
    for (size_t i = 0; i < COUNT(parts); i++) {
        text_str(out, STR(", "));
        json_part(&found->cuda[i], out);
    }
    text_str(out, STR("}\n}\n"));
}

// ---- Public

const char *mdx_devices(Mdx *mdx, bool json) {
    Devices found = {.arena = mdx->arena};
    find_processor(&found);
    find_gpus(&found, mdx->device_options.cuda_path);
    Text out = text_open(mdx->arena);
    (json ? print_json : print_text)(&found, &out);
    return out.at;
}
