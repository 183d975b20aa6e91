package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

const nameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

func isUploadName(name string) bool {
	return len(name) >= 1 && len(name) <= 64 && name[0] != '.' && strings.Trim(name, nameCharacters) == ""
}

// receive stores the content in the folder, under the name once it is complete, and returns its size.
func receive(content io.Reader, folder, name string) (size int64, err error) {
	file, err := os.CreateTemp(folder, "."+name+".*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	size, err = io.CopyBuffer(struct{ io.Writer }{file}, content, make([]byte, 64<<10))
	if failed := file.Chmod(0o644); err == nil {
		err = failed
	}
	if failed := file.Close(); err == nil {
		err = failed
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(folder, name))
	}
	return size, err
}
