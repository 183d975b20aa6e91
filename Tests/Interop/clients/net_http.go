// Go's net/http: HTTP/2 where TLS lets it choose, and a trace that sees each informational response.
package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"time"
)

type said struct {
	URL           string  `json:"url"`
	Status        int     `json:"status"`
	Protocol      string  `json:"protocol"`
	Informational [][]any `json:"informational"`
	Size          int     `json:"size"`
	SHA256        string  `json:"sha256"`
	Fault         string  `json:"fault"`
}

func exchange(client *http.Client, url string, content []byte) (said, error) {
	told := said{URL: url, Informational: [][]any{}}
	method, body := "GET", io.Reader(nil)
	upload := strings.HasSuffix(url, "/echo")
	if upload {
		method, body = "POST", bytes.NewReader(content)
	}
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return told, err
	}
	if upload {
		request.Header.Set("Expect", "100-continue")
	}
	trace := &httptrace.ClientTrace{
		Got100Continue: func() { told.Informational = append(told.Informational, []any{100, ""}) },
		Got1xxResponse: func(code int, fields textproto.MIMEHeader) error {
			if code != 100 {
				told.Informational = append(told.Informational, []any{code, strings.Join(fields["Link"], ", ")})
			}
			return nil
		},
	}
	response, err := client.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	if err != nil {
		return told, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return told, err
	}
	told.Status, told.Protocol, told.Size = response.StatusCode, response.Proto, len(data)
	if response.ProtoMajor == 2 {
		told.Protocol = "HTTP/2"
	}
	told.SHA256 = fmt.Sprintf("%x", sha256.Sum256(data))
	return told, nil
}

func main() {
	authority, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	content, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	client := &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:       &tls.Config{RootCAs: trusted},
			ForceAttemptHTTP2:     true,
			ExpectContinueTimeout: 20 * time.Second,
		},
	}
	for _, url := range os.Args[3:] {
		told, err := exchange(client, url, content)
		if err != nil {
			told.Fault = err.Error()
		}
		line, _ := json.Marshal(told)
		fmt.Println(string(line))
	}
}
