# TLS whose records the kernel makes, under a kernel and with an OpenSSL that can.
.PHONY: kernel-tls

kernel-tls: test-dependencies
	@$(MAKE) --no-print-directory build test-plugins
	Tests/Kernel/openssl.sh
	Tests/Kernel/run.sh env LD_LIBRARY_PATH=$(CURDIR)/$(BUILD)/kernel-tls $(PYTEST) \
	  Tests/Integration/tls/test_kernel_tls.py Tests/Integration/tls/test_tls_records.py
