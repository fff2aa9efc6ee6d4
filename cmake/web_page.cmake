# The page in web/ as C++ constants: cmake -D SOURCE=web -D WORK=dir -D NPM=npm -D OUT=file -D STAMP=file -P web_page.cmake
# Copies the sources to WORK, fetches the packages of web/package-lock.json when it has changed, and bundles. Without NPM,
# or where the packages cannot be fetched, OUT holds web/plain.html; in the latter case the next build tries again.
cmake_minimum_required(VERSION 3.20)

function(write_plain_page)
  file(READ ${SOURCE}/plain.html text)
  string(LENGTH "${text}" bytes)
  file(CONFIGURE OUTPUT ${OUT} CONTENT "// Generated from web/plain.html.
constexpr bool kPageIsGzipped = false;
constexpr size_t kPageBytes = ${bytes};
constexpr char kPagePolicy[] = \"default-src 'none'\";
constexpr char kPage[] = R\"html(${text})html\";
")
  file(REMOVE_RECURSE ${WORK}/dist)
endfunction()

if(NOT NPM)
  write_plain_page()
  file(TOUCH ${STAMP})
  return()
endif()

foreach(file package.json package-lock.json .npmrc tsconfig.json build.mjs cpp_bytes.mjs)
  configure_file(${SOURCE}/${file} ${WORK}/${file} COPYONLY)
endforeach()
file(REMOVE_RECURSE ${WORK}/src)
file(COPY ${SOURCE}/src DESTINATION ${WORK})

file(SHA256 ${WORK}/package-lock.json wanted)
set(fetched "")
if(EXISTS ${WORK}/fetched.txt)
  file(READ ${WORK}/fetched.txt fetched)
endif()
if(NOT fetched STREQUAL wanted)
  execute_process(COMMAND ${NPM} ci --omit=dev WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed OUTPUT_VARIABLE log
                  ERROR_VARIABLE log TIMEOUT 300)
  if(failed)
    message(WARNING "tern serve gets a plain page, npm ci failed:\n${log}")
    write_plain_page()
    return()
  endif()
  file(WRITE ${WORK}/fetched.txt ${wanted})
endif()

# A mistake in the page is an error of the build, unlike a network that is not there.
execute_process(COMMAND ${NPM} run --silent build WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "web: the page does not build")
endif()
configure_file(${WORK}/dist/page_data.inc ${OUT} COPYONLY)
file(TOUCH ${STAMP})
