// The layout of the plugin ABI, checked whenever the server is built. While 1.0 is the newest version, the sizes are those of
// 1.0.
#include <outrider/layout.h>

_Static_assert(OUTRIDER_ABI_VERSION == OUTRIDER_ABI(OUTRIDER_ABI_MAJOR, OUTRIDER_ABI_MINOR), "the version says two things");

#define SIZE_IS(type, size) _Static_assert(sizeof(type) == (size), #type " is larger than in 1.0")

SIZE_IS(outrider_head, OUTRIDER_HEAD_SIZE_1_0);
SIZE_IS(outrider_tls, OUTRIDER_TLS_SIZE_1_0);
SIZE_IS(outrider_io, OUTRIDER_IO_SIZE_1_0);
SIZE_IS(outrider_event, OUTRIDER_EVENT_SIZE_1_0);
SIZE_IS(outrider_head_event, OUTRIDER_HEAD_EVENT_SIZE_1_0);
SIZE_IS(outrider_body_event, OUTRIDER_BODY_EVENT_SIZE_1_0);
SIZE_IS(outrider_response_event, OUTRIDER_RESPONSE_EVENT_SIZE_1_0);
SIZE_IS(outrider_file_event, OUTRIDER_FILE_EVENT_SIZE_1_0);
SIZE_IS(outrider_notice_event, OUTRIDER_NOTICE_EVENT_SIZE_1_0);
SIZE_IS(outrider_host, OUTRIDER_HOST_SIZE_1_0);
SIZE_IS(outrider_load_info, OUTRIDER_LOAD_INFO_SIZE_1_0);
SIZE_IS(outrider_worker_info, OUTRIDER_WORKER_INFO_SIZE_1_0);
SIZE_IS(outrider_thread_info, OUTRIDER_THREAD_INFO_SIZE_1_0);
SIZE_IS(outrider_error, OUTRIDER_ERROR_SIZE_1_0);
SIZE_IS(outrider_plugin, OUTRIDER_PLUGIN_SIZE_1_0);
