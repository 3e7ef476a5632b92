"""Removal of files that no reader can still be asking for, so that nothing grows without bound."""

from hub.repository import views
from hub.repository.archive import Archive
from hub.repository.layout import Layout

# A reader may be in the middle of an older view: so many versions stay besides those in use.
KEPT_VERSIONS = 8


def prune(layout: Layout, archive: Archive) -> None:
    """Remove old snapshots, role files outside every view, and manifests no role file names.

    Roots stay for ever: a node that slept for years walks the whole chain.
    """
    listed: dict[str, set[int]] = {}
    for unit in layout.view_units():
        view = views.load(layout, unit)
        for role, version in (view.listed() if view else {}).items():
            listed.setdefault(role, set()).add(version)
        for version in layout.snapshot_versions(unit)[KEPT_VERSIONS:]:
            layout.disk.remove(layout.snapshot_file(unit, version))
    removed = False
    for role, versions in layout.role_versions().items():
        for version in versions[KEPT_VERSIONS:]:
            if role != "root" and version not in listed.get(role, set()):
                layout.disk.remove(layout.role_file(role, version))
                removed = True
    if removed:
        archive.reload()
        _prune_manifests(layout, archive)


def _prune_manifests(layout: Layout, archive: Archive) -> None:
    named = set()
    for role, versions in layout.role_versions().items():
        for version in versions if role != "root" else ():
            for path, target in archive.read(role, version).signed.targets.items():
                named.add(layout.target_file(path, target.hashes["sha256"]))
    for path in layout.targets.rglob("*.json"):
        if path not in named:
            layout.disk.remove(path)
