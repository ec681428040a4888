"""Files on object stores and web servers, read by ranges.

uri          URIs, without credentials
names        parts of paths and of URIs, and paths made from others
store        `Store`, one file as a store gives it, and the choice of a store by scheme
arrow_store  Amazon S3 and Google Cloud Storage, by pyarrow
web_store    web servers, by httpx
listing      files of folders, and their states
copies       copies on this machine, for readers that open paths only
version      `Version`, by which a change is noticed
retries      tries again after errors that may pass
failures     errors of stores as those of this library
background   threads that nobody has to wait for
pinned       `PinnedFile`, ranges of one version, with tries again and the errors of this library
cache        `Cache`, pieces of a file in memory, up to a number of bytes
ahead        `ReadAhead`, the requests that are made before their bytes are asked for
file         `RemoteFile`, a seekable file
"""
