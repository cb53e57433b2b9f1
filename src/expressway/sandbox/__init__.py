"""The embedded AWS: a local account to try everything on; nothing but the command line imports it.

ministack (MIT, pinned) is the account; this package adds Amazon ECS Express Mode to it, without touching its
files. `lifecycle` starts and stops it, `urls` says how a client reaches a service in it, `composition` lists
every place where it reaches into ministack.
"""
