"""Files on object stores and web servers, read by ranges.

uri          URIs, without credentials
store        `Store`, one file as a store gives it, and the choice of a store by scheme
arrow_store  Amazon S3 and Google Cloud Storage, by pyarrow
retries      tries again after errors that may pass
file         `RemoteFile`, a seekable file with a bounded cache
"""
