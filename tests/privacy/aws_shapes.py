"""Answers made from the service models themselves: every string that an operation may answer, where it stands."""

from collections.abc import Iterator

from botocore.loaders import create_loader
from hypothesis import strategies as st

from expressway.ecs_api.catalog import shape_tree
from expressway.privacy.redaction import ApiShape, ShapeTree, redact

SERVICES = ("ecs", "ecr")
ACCOUNT = "000000000000"
IDENTIFIERS = (
    f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task/default/0123456789abcdef0123456789abcdef",
    f"arn:aws-cn:iam::{ACCOUNT}:role/path/my-secret-password-role",
    f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:prod/token-AbCdEf",
    f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/key-server:v1.2.3",
    f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/a@sha256:" + "0123456789abcdef" * 4,
    "sha256:" + "fedcba9876543210" * 4,
    "ecs-svc/1234567890123456789",
    "token-password-secret-api-key",
    "/expressway/shop",
    "subnet-0123456789abcdef0",
)


def operations(service: str) -> list[str]:
    return sorted(create_loader().load_service_model(service, "service-2")["operations"])


def trees() -> Iterator[ShapeTree]:
    """Every request and answer of every operation that has one."""
    for service in SERVICES:
        for operation in operations(service):
            trees = (shape_tree(service, operation, "output"), shape_tree(service, operation, "input"))
            yield from (tree for tree in trees if tree.root)


def answers(tree: ShapeTree) -> st.SearchStrategy[dict[str, object]]:
    """Answers of that shape, whose strings are all identifiers."""
    return _of(tree, tree.root, ())  # pyright: ignore[reportReturnType]


def filled(tree: ShapeTree, text: str) -> object:
    """One answer with every member present, and `text` for every string."""
    return _filled(tree, tree.root, text, ())


def shown_members(tree: ShapeTree) -> set[tuple[str, str]]:
    """Those of them whose strings come through with the gate closed."""
    secret = "s3cr3t"
    content = redact(filled(tree, secret), tree, allow_sensitive_data=False).content  # pyright: ignore[reportArgumentType]
    found: set[tuple[str, str]] = set()
    _collect(tree, tree.root, content, secret, found)
    return found


def _collect(tree: ShapeTree, name: str, value: object, text: str, found: set[tuple[str, str]]) -> None:
    shape = tree.shapes.get(name)
    for member, item in _inside(value):
        target = "" if shape is None else shape.members.get(member) or shape.element
        if shape is None or shape.type != "structure" or _leaf(tree, target).type not in {"string", "document"}:
            _collect(tree, target, item, text, found)
        elif text in str(item):
            found.add((name, member))


def _inside(value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return list(value.items())
    return [("", item) for item in value] if isinstance(value, list) else []


def _leaf(tree: ShapeTree, name: str) -> ApiShape:
    shape = tree.shapes[name]
    while shape.type in {"list", "map"}:
        shape = tree.shapes[shape.element]
    return shape


def _filled(tree: ShapeTree, name: str, text: str, above: tuple[str, ...]) -> object:
    shape = tree.shapes[name]
    if name in above:
        return None
    inside = (*above, name)
    if shape.type == "structure":
        return {member: _filled(tree, target, text, inside) for member, target in shape.members.items()}
    if shape.type == "list":
        return [_filled(tree, shape.element, text, inside)]
    if shape.type == "map":
        return {"a": _filled(tree, shape.element, text, inside)}
    if shape.type in {"string", "document"} and not shape.is_enum:
        return text
    return "ACTIVE" if shape.is_enum else 1


def _of(tree: ShapeTree, name: str, above: tuple[str, ...]) -> st.SearchStrategy[object]:
    shape = tree.shapes[name]
    if name in above:
        return st.none()
    inside = (*above, name)
    if shape.type == "structure":
        return st.fixed_dictionaries(
            {}, optional={member: _of(tree, target, inside) for member, target in shape.members.items()}
        )
    if shape.type == "list":
        return st.lists(_of(tree, shape.element, inside), max_size=2)
    if shape.type == "map":
        return st.dictionaries(st.sampled_from(IDENTIFIERS), _of(tree, shape.element, inside), max_size=2)
    return st.sampled_from(IDENTIFIERS) if shape.type in {"string", "document"} else st.integers()
