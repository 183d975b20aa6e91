# Finds the application that [plugin.config] names.
import ast
import importlib
import inspect
import json
import os
import sys


def prepare(config):
    """Set up the environment and the path according to the configuration. Returns the configuration."""
    config = json.loads(config)
    for name, value in config.get("env", {}).items():
        os.environ[str(name)] = str(value)
    directory = config.get("chdir")
    if directory:
        os.chdir(directory)
    paths = config.get("path", [])
    paths = [paths] if isinstance(paths, str) else paths
    for path in reversed([os.path.abspath(path) for path in [os.getcwd(), *paths]]):
        if path not in sys.path:
            sys.path.insert(0, path)
    return config


def parse(text):
    """The name of a module, names of attributes, and arguments if the last attribute is to be called."""
    module, _, expression = text.partition(":")
    try:
        node = ast.parse(expression or "application", mode="eval").body
        arguments = None
        if isinstance(node, ast.Call):
            arguments = (
                [ast.literal_eval(argument) for argument in node.args],
                {argument.arg: ast.literal_eval(argument.value) for argument in node.keywords},
            )
            node = node.func
        names = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not module:
            raise SyntaxError
    except (SyntaxError, ValueError):
        raise ValueError(
            f"app = {text!r} is neither \"module:attribute\" nor \"module:function(literals)\""
        ) from None
    return module, [node.id, *names], arguments


def load(text, factory):
    """The application."""
    module_name, names, arguments = parse(text)
    found = importlib.import_module(module_name)
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            raise AttributeError(f"failed to find attribute {'.'.join(names)!r} in {module_name!r}") from None
    if arguments is not None:
        found = found(*arguments[0], **arguments[1])
    elif factory:
        found = found()
    if not callable(found):
        raise TypeError(f"{text!r} is a {type(found).__name__}, which is not callable")
    return found


def is_asgi(application):
    """True if calling it returns a coroutine."""
    call = application if inspect.isroutine(application) else getattr(application, "__call__", None)
    return inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call)
