"""An app's stacks as an ordinary CDK project makes them: ``cdk.App()`` with all its defaults."""

import sys

import aws_cdk as cdk

from expressway.app.file import load_definition
from expressway.synth.stacks import add_app_stacks

app = cdk.App()
add_app_stacks(app, load_definition(sys.argv[1]).definition)
app.synth()
