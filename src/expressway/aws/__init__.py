"""Access to AWS: the session and one client a service. No other folder but cloudformation calls AWS.

Every method of a client raises TargetError for what stands between us and AWS (``access_denied``, ``throttled``,
``connection_failed`` …; `errors.map_aws_error`). docs/reference/permissions.md lists the permissions that reads take.
"""
