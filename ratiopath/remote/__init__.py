"""Files on object stores and web servers, read by ranges.

uri          URIs, without credentials
store        `Store`, one file as a store gives it, and the choice of a store by scheme
arrow_store  Amazon S3 and Google Cloud Storage, by pyarrow
retries      tries again after errors that may pass
version      `Version`, by which a change is noticed
pinned       `PinnedFile`, ranges of one version, with tries again and the errors of this library
ahead        `ReadAhead`, the request that is made before its bytes are asked for
file         `RemoteFile`, a seekable file with a bounded cache
"""
