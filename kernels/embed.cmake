# embed.cmake: writes OUT, a C file with the texts of KERNELS (paths with | between them) as arrays of bytes.
#   cmake -DKERNELS="a.cu|b.cuh" -DOUT=kernel_files.c -P embed.cmake
string(REPLACE "|" ";" KERNELS "${KERNELS}")
set(arrays "")
set(rows "")
foreach(kernel IN LISTS KERNELS)
  get_filename_component(name "${kernel}" NAME)
  string(MAKE_C_IDENTIFIER "${name}" array)
  file(READ "${kernel}" bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char ${array}[] = {\n${bytes}\n};\n")
  string(APPEND rows "    {\"${name}\", {(const char *)${array}, sizeof ${array}}},\n")
endforeach()
file(WRITE "${OUT}" "// kernel_files.c: made from kernels/ by kernels/embed.cmake.
#include \"runtime/cuda/compile.h\"

${arrays}
const KernelFile kernel_files[] = {
${rows}};
const size_t kernel_file_count = COUNT(kernel_files);
")
