// Package entrypoint passes the entry point of the plugin to package outridertest.
package entrypoint

import "unsafe"

// Address is that of outrider_plugin_v1, set when package outrider is initialized.
var Address unsafe.Pointer
