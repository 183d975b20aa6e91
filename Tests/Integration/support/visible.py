"""Folders of root that every user can read, in contrast to pytest's."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from server import TEST_PLUGINS


@contextmanager
def visible_folder(*plugins):
    """A folder with these test plugins; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="outrider-visible-"))
    folder.chmod(0o755)
    try:
        for plugin in plugins:
            shutil.copy(TEST_PLUGINS / plugin, folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def precious_file(folder, text):
    """A file below the folder that only root can read, write and find."""
    vault = folder / "vault"
    vault.mkdir(mode=0o700)
    file = vault / "precious"
    file.write_text(text)
    file.chmod(0o600)
    return file
