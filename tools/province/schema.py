"""The published schema (`openapi.json`), and validators made from it."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

PATH = Path(__file__).parent / "openapi.json"
BASE = "/api/v2/"


def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    found: dict[str, Any] = json.loads(PATH.read_text())
    return found


class Schema:
    """Validate bodies against the published schema, and say in Vietnamese what is wrong."""

    def __init__(self) -> None:
        self._components = document()["components"]
        self._made: dict[str, Any] = {}

    def complaint(self, name: str, value: object) -> str:
        """Return what is wrong with `value` as the component `name`, or nothing."""
        if name not in self._made:
            root = {"components": self._components, "$ref": f"#/components/schemas/{name}"}
            self._made[name] = jsonschema_rs.Draft202012Validator(root)
        for error in self._made[name].iter_errors(value):
            where = "/".join(str(step) for step in error.instance_path) or "(gốc)"
            return f"{where}: {error.message}"[:300]
        return ""

    def envelope_complaint(self, name: str, value: object) -> str:
        """Return what is wrong with a list's head; its records are judged one by one."""
        if not isinstance(value, dict) or not isinstance(value.get("DanhSach"), list):
            return "DanhSach: phải là một danh sách"
        head = self._components["schemas"]["DanhSach" + name]
        if not 1 <= len(value["DanhSach"]) <= head["properties"]["DanhSach"]["maxItems"]:
            return "DanhSach: quá ít hoặc quá nhiều bản ghi"
        for field in ("NguonID", "TenNguon", "DichID", "TenDich"):
            if not isinstance(value.get(field), str):
                return f"{field}: thiếu"
        return ""
