# The mock host: a library that authors link into the tests of their plugins.
TESTING_SOURCES := $(wildcard Plugins/testing/*.c)
TESTING_HEADERS := Sources/COutrider/include/outrider/testing.h $(wildcard Plugins/testing/*.h) $(EXTENSIONS)
TESTING_OBJECTS := $(TESTING_SOURCES:Plugins/testing/%.c=$(BUILD)/testing/%.o)
TESTING_LIBRARY := $(RELEASE)/liboutrider-testing.a

$(BUILD)/testing/%.o: Plugins/testing/%.c $(ABI) $(TESTING_HEADERS)
	@mkdir -p $(@D)
	$(CC) -std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -g -fPIC -pthread -ISources/COutrider/include -c -o $@ $<

# Beside the programs, in a folder that the build of those makes.
$(TESTING_LIBRARY): $(TESTING_OBJECTS) | server
	rm -f $@
	$(AR) rcs $@ $^

plugins: $(TESTING_LIBRARY)
