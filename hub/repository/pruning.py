"""Removal of files that no reader can still be asking for, so that nothing grows without bound."""

from hub.repository.archive import Archive
from hub.repository.layout import Layout
from hub.repository.views import Views

# A reader may be in the middle of an older view: so many versions stay besides those in use.
KEPT_VERSIONS = 8


def prune(layout: Layout, archive: Archive, views: Views, issued: list[str]) -> None:
    """Remove old snapshots of the units just issued, role files outside every view, and manifests
    that no role file names.

    Roots stay for ever: a node that slept for years walks the whole chain.
    """
    for unit in issued:
        for version in layout.snapshot_versions(unit)[KEPT_VERSIONS:]:
            layout.disk.remove(layout.snapshot_file(unit, version))
    crowded = {
        role: versions[KEPT_VERSIONS:]
        for role, versions in layout.role_versions().items()
        if role != "root" and len(versions) > KEPT_VERSIONS
    }
    if not crowded:
        return
    for unit in layout.view_units():
        view = views.load(unit)
        for role, version in (view.listed() if view else {}).items():
            if version in crowded.get(role, ()):
                crowded[role].remove(version)
    for role, versions in crowded.items():
        for version in versions:
            layout.disk.remove(layout.role_file(role, version))
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
