/* wsgi_file.c: wsgi.file_wrapper. Regular files are sent by sendfile(2), others in blocks. */
#include "wsgi_file.h"

#include <sys/stat.h>

typedef struct file_wrapper {
  PyObject_HEAD
  PyObject *file, *block_size;
} file_wrapper;

static PyTypeObject *type;

static PyObject *wrapper_new(PyTypeObject *subtype, PyObject *arguments, PyObject *named) {
  static char *names[] = {"filelike", "blksize", NULL};
  PyObject *file, *size = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, named, "O|O", names, &file, &size)) return NULL;
  allocfunc allocate = (allocfunc)PyType_GetSlot(subtype, Py_tp_alloc);
  file_wrapper *wrapper = (file_wrapper *)allocate(subtype, 0);
  if (!wrapper) return NULL;
  wrapper->file = Py_NewRef(file);
  wrapper->block_size = size ? Py_NewRef(size) : PyLong_FromLong(8192);
  return (PyObject *)wrapper;
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
  file_wrapper *wrapper = (file_wrapper *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(wrapper->file);
  Py_VISIT(wrapper->block_size);
  return 0;
}

static int clear(PyObject *self) {
  Py_CLEAR(((file_wrapper *)self)->file);
  Py_CLEAR(((file_wrapper *)self)->block_size);
  return 0;
}

static void dealloc(PyObject *self) {
  PyTypeObject *own = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear(self);
  PyObject_GC_Del(self);
  Py_DECREF(own);
}

static PyObject *next_block(PyObject *self) {
  file_wrapper *wrapper = (file_wrapper *)self;
  PyObject *block = PyObject_CallMethod(wrapper->file, "read", "O", wrapper->block_size);
  if (!block) return NULL;
  Py_ssize_t size = PyObject_Length(block);
  if (size <= 0) Py_CLEAR(block);
  return block;
}

static PyObject *wrapper_close(PyObject *self, PyObject *none) {
  (void)none;
  PyObject *close = PyObject_GetAttrString(((file_wrapper *)self)->file, "close");
  if (!close) {
    PyErr_Clear();
    Py_RETURN_NONE;
  }
  PyObject *done = PyObject_CallNoArgs(close);
  Py_DECREF(close);
  return done;
}

static PyMethodDef methods[] = {
    {"close", wrapper_close, METH_NOARGS, "close the file, if it can be closed"},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_new, wrapper_new}, {Py_tp_dealloc, dealloc},      {Py_tp_traverse, traverse}, {Py_tp_clear, clear},
    {Py_tp_methods, methods}, {Py_tp_iter, PyObject_SelfIter}, {Py_tp_iternext, next_block}, {0, NULL},
};
static PyType_Spec spec = {"outrider.FileWrapper", sizeof(file_wrapper), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

int wsgi_file_ready(void) {
  if (!type) type = (PyTypeObject *)PyType_FromSpec(&spec);
  return type ? 0 : -1;
}

PyObject *wsgi_file_type(void) { return Py_NewRef((PyObject *)type); }

/* The number that a method of the file returns; -1 if it returns none. */
static int64_t number_of(PyObject *file, const char *method) {
  PyObject *number = PyObject_CallMethod(file, method, NULL);
  int64_t value = number ? PyLong_AsLongLong(number) : -1;
  Py_XDECREF(number);
  if (PyErr_Occurred()) {
    PyErr_Clear();
    return -1;
  }
  return value;
}

int wsgi_file_send(wsgi_request *request, PyObject *result) {
  if (!Py_IS_TYPE(result, type) || request->is_started || !request->status) return 0;
  PyObject *file = ((file_wrapper *)result)->file;
  int64_t fd = number_of(file, "fileno"), offset = number_of(file, "tell");
  struct stat status;
  if (fd < 0 || offset < 0 || fstat((int)fd, &status) < 0 || !S_ISREG(status.st_mode)) return 0;
  int64_t length = status.st_size > offset ? status.st_size - offset : 0;
  if (request->fields.content_length < 0 && !wsgi_has_no_body(request))
    field_list_add_length(&request->fields, request->digits, length);
  if (request->fields.content_length >= 0 && length > request->fields.content_length)
    length = request->fields.content_length; /* a part of the file, as for a range */
  if (wsgi_send_head(request) < 0) return -1;
  if (length == 0) return 1;
  outrider_status sent;
  Py_BEGIN_ALLOW_THREADS
  sent = request->io->sendfile(request->io, request->exchange, (int32_t)fd, (uint64_t)offset, (uint64_t)length);
  Py_END_ALLOW_THREADS
  if (sent < 0) {
    wsgi_request_raise(request, sent, "sendfile");
    return -1;
  }
  request->sent += length;
  return 1;
}
