/* Runs programs of Tests/Plugins/program in the mock host, for test_mock_host.py:
 *
 *     run_programs PLUGIN.so MODEL REPORT [ABI GROWTH] < LINES
 *
 * ABI is the version that the host shows, as a number, and GROWTH how many bytes its structures are larger than those of that.
 * A line: number, method, target, version, TE: trailers or not, body, program, separated by tabs. A body is "-" for none, or "n" or "c"
 * (of a length that is announced, or chunked) and its size. For each line it prints the number, how the response has ended, and
 * the bytes of the response in hexadecimal digits. Of HTTP/2 these are its sections, each with its lines, the body and the trailer
 * section; a NUL ends each line, and one more each section. */
#define _GNU_SOURCE
#include <outrider/testing.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(outrider_bytes bytes, int in_lower_case) {
  for (size_t i = 0; i < bytes.size; i++)
    printf("%02x", in_lower_case ? tolower((unsigned char)bytes.data[i]) : (unsigned char)bytes.data[i]);
}

static void show_section(uint32_t status, const outrider_field *fields, size_t n) {
  char text[16];
  if (status) {
    snprintf(text, sizeof text, "%u", status);
    show((outrider_bytes){text, strlen(text) + 1}, 0);
  }
  for (size_t i = 0; i < n; i++) {
    show(fields[i].name, 1);
    show(outrider_text(": "), 0);
    show((outrider_bytes){fields[i].value.size ? fields[i].value.data : "", fields[i].value.size}, 0);
    show((outrider_bytes){"", 1}, 0);
  }
  show((outrider_bytes){"", 1}, 0);
}

static void show_sections(const outrider_mock_response *response) {
  for (size_t i = 0; i < response->n_informational; i++)
    show_section(response->informational[i].status, response->informational[i].fields, response->informational[i].n_fields);
  if (!response->status) return;
  show_section(response->status, response->fields, response->n_fields);
  show(response->body, 0);
  show((outrider_bytes){"\0", 2}, 0);
  if (response->n_trailers) show_section(0, response->trailers, response->n_trailers);
}

static void serve(outrider_mock *mock, char *line) {
  char *parts[7], *rest = line;
  static char body[100000];
  outrider_mock_request request = {.size = sizeof request};
  outrider_field fields[3], trailer = outrider_field_of("x-sum", "1");
  for (int i = 0; i < 7; i++) parts[i] = strsep(&rest, "\t");
  memset(body, 'b', sizeof body);
  fields[0] = outrider_field_of("X-Number", parts[0]);
  fields[1] = outrider_field_of("X-Program", parts[6]);
  fields[2] = outrider_field_of("TE", "trailers");
  request.method = parts[1];
  request.target = parts[2];
  request.http_version = (uint32_t)atoi(parts[3]);
  request.fields = fields;
  request.n_fields = strcmp(parts[4], "1") == 0 ? 3 : 2;
  if (*parts[5] != '-') request.body = (outrider_bytes){body, (size_t)atoi(parts[5] + 1)};
  if (*parts[5] == 'c') {
    request.flags = OUTRIDER_MOCK_CHUNKED;
    request.trailers = &trailer;
    request.n_trailers = 1;
  }
  outrider_mock_exchange *exchange = outrider_mock_serve(mock, &request);
  if (!exchange) abort();
  const outrider_mock_response *response = outrider_mock_response_of(exchange);
  for (int second = 0; second < 60 && response->ending == OUTRIDER_MOCK_OPEN; second++) {
    outrider_mock_advance(mock, 1000 * 1000 * 1000);
    response = outrider_mock_response_of(exchange);
  }
  printf("%s %u ", parts[0], response->ending);
  if (request.http_version == OUTRIDER_HTTP_2)
    show_sections(response);
  else
    show(response->wire, 0);
  printf("\n");
}

int main(int argc, char **argv) {
  char config[1024], line[8192];
  if (argc != 4 && argc != 6) return 2;
  snprintf(config, sizeof config, "{\"report\": \"%s\"}", argv[3]);
  const outrider_mock_settings settings = {
      .size = sizeof settings,
      .model = strcmp(argv[2], "async") == 0     ? OUTRIDER_MODEL_ASYNC
               : strcmp(argv[2], "gthread") == 0 ? OUTRIDER_MODEL_GTHREAD
                                                 : OUTRIDER_MODEL_SYNC,
      .config = config,
      .abi = argc == 6 ? (uint32_t)strtoul(argv[4], NULL, 0) : 0,
      .growth = argc == 6 ? (uint32_t)atoi(argv[5]) : 0,
      .no_extensions = argc == 6};
  outrider_mock *mock = outrider_mock_open(argv[1], &settings);
  if (!mock || outrider_mock_start(mock) < 0) {
    fprintf(stderr, "%s\n", mock ? outrider_mock_error(mock) : "no memory");
    return 1;
  }
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    serve(mock, line);
  }
  outrider_mock_stop(mock, 0);
  printf("misuses %zu\n", outrider_mock_misuses(mock));
  for (size_t i = 0; i < outrider_mock_misuses(mock); i++) printf("misuse %s\n", outrider_mock_misuse(mock, i));
  outrider_mock_free(mock);
  return 0;
}
