# Programs with the mock host in them, for tests. They find faults of their own: sanitizers look on.
.PHONY: mock-programs

MOCK_FLAGS := -std=c11 -g -O1 -Wall -Wextra -Wpedantic -Werror -ISources/COutrider/include -pthread
MOCK_PROGRAMS := checks extensions run_programs \
  $(foreach kind,thread address,$(foreach style,blocking event,run_interleaved_$(kind)_$(style)))
WITH_ADDRESSES := -fsanitize=address,undefined -fno-sanitize-recover=undefined

$(BUILD)/mock/checks $(BUILD)/mock/extensions $(BUILD)/mock/run_programs: $(BUILD)/mock/%: Tests/Mock/%.c $(TESTING_SOURCES) $(ABI) $(TESTING_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(MOCK_FLAGS) $(WITH_ADDRESSES) -o $@ $(filter %.c,$^) -ldl

$(BUILD)/mock/run_interleaved_%: Tests/Mock/run_interleaved.c Tests/Plugins/interleaved/interleaved.c $(TESTING_SOURCES) \
  $(ABI) $(TESTING_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(MOCK_FLAGS) $(if $(filter thread_%,$*),-fsanitize=thread,$(WITH_ADDRESSES)) $(if $(filter %_event,$*),-DEVENT_STYLE) -o $@ $(filter %.c,$^) -ldl

# The headers for C++, in each standard that their parts are for.
CPP_STANDARDS := blocking-20 event-17 coroutines-20
CPP_HOST := $(TESTING_SOURCES:Plugins/testing/%.c=$(BUILD)/mock/cpp/host/%.o)

$(CPP_HOST): $(BUILD)/mock/cpp/host/%.o: Plugins/testing/%.c $(ABI) $(TESTING_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(MOCK_FLAGS) $(WITH_ADDRESSES) -c -o $@ $<

$(CPP_STANDARDS:%=$(BUILD)/mock/cpp/%): $(BUILD)/mock/cpp/%: $(CPP_HOST) $(CPP_HEADERS) $(wildcard Tests/Mock/cpp/*.cpp)
	@mkdir -p $(@D)
	$(CXX) $(filter-out -std=%,$(MOCK_FLAGS)) -std=c++$(lastword $(subst -, ,$*)) $(WITH_ADDRESSES) -o $@ \
	  Tests/Mock/cpp/$(firstword $(subst -, ,$*)).cpp $(filter %.o,$^) -ldl

MOCK_PROGRAMS += $(CPP_STANDARDS:%=cpp/%)

mock-programs: $(MOCK_PROGRAMS:%=$(BUILD)/mock/%)
test-plugins: mock-programs
