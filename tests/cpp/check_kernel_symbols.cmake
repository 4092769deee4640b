# Fails when an object compiled for a wider instruction set defines a symbol that the linker may use
# elsewhere, e.g. an instance of a standard template: it would then run where that set is lacking.
# Variables: NM, TARGET (the namespace htmu::<TARGET> that owns the symbols), OBJECTS (a list).
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} -C ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "," symbols "${symbols}")
  string(REPLACE "\n" ";" symbols "${symbols}")
  foreach(line IN LISTS symbols)
    # Capitals are global; u, v and w are unique and weak; U, and w without an address, undefined.
    if(line MATCHES "^[0-9a-f]+ [ABCDGRSTVWuvw] (.*)$")
      set(name "${CMAKE_MATCH_1}")
      if(NOT name MATCHES "htmu::${TARGET}::")
        message(SEND_ERROR "${object} defines ${name}")
      endif()
    endif()
  endforeach()
endforeach()
