/* Asserts that this compiler lays out the structures as the host does. */
#include <COutriderPlugin.h>
#include <outrider/layout.h>
