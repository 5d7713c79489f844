# An emulator of a larger core runs what a Cortex-M23 does not: so the attributes decide.
execute_process(COMMAND ${READELF} -A ${ELF} OUTPUT_VARIABLE attributes RESULT_VARIABLE failed)
if(failed OR NOT attributes MATCHES "Tag_CPU_arch: v8-M\\.baseline")
    file(REMOVE ${ELF})
    message(FATAL_ERROR "${ELF}: not built for v8-M baseline (Cortex-M23)")
endif()
