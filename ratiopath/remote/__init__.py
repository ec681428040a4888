"""Files on object stores and web servers, read by ranges.

uri          URIs, without credentials
names        parts of URIs and paths, and the only form of a URI
store        `Store`, one file as a store gives it, and the choice of a store by scheme
arrow_store  Amazon S3 and Google Cloud Storage, by pyarrow
web_store    web servers, by httpx
background   work in threads that nobody has to wait for
retries      tries again after errors that may pass
failures     errors of a store as those of this library
version      `Version` and `FileState`, by which a change is noticed
listing      files of a folder, and the state of one
pinned       `PinnedFile`, ranges of one version, with tries again
cache        the last blocks of a file
ahead        `ReadAhead`, the requests that are made before their bytes are asked for
file         `RemoteFile`, a seekable file with a bounded cache
copies       `Copies`, files of this machine for readers that open paths only
"""
