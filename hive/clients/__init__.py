"""The client library's parts: results, requests, the direct (wire protocol) ports and the HTTP ones."""
