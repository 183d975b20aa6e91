# find_package(outrider), then target_link_libraries(mine PRIVATE outrider::plugin): the header's directory, and nothing to
# link, for a plugin gets the server's functions in tables.
if(NOT TARGET outrider::plugin)
  get_filename_component(_outrider_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  add_library(outrider::plugin INTERFACE IMPORTED)
  set_target_properties(outrider::plugin PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_outrider_prefix}/include")
  set(outrider_PLUGIN_DIR "${_outrider_prefix}/lib/outrider/plugins")
  unset(_outrider_prefix)
endif()
