// The ABI as the server imports it: without nullability, since what a plugin passes may be NULL whatever the header says.
#define OUTRIDER_NO_NULLABILITY
#include "outrider.h"
#include "outrider/config.h"
#include "outrider/health.h"
#include "outrider/log.h"
#include "outrider/loop.h"
#include "outrider/metrics.h"
#include "outrider/store.h"
#include "outrider/websocket.h"
