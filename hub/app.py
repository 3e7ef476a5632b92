"""The hub's applications: one for nodes, one with the pages as well."""

from aiohttp import web

from hub import (
    access,
    account_pages,
    administration_pages,
    approval_pages,
    approver_pages,
    assets,
    bulk_pages,
    bulletin_pages,
    calendar_pages,
    editor_pages,
    emergency_pages,
    enrolment_api,
    events,
    frame_pages,
    installation_pages,
    mirror_pages,
    node_pages,
    notice_pages,
    offer_pages,
    openapi,
    organisation_pages,
    pack,
    pages,
    picture_pages,
    play_pages,
    records_api,
    report_pages,
    static_files,
    translations,
    unit_pages,
    upload_pages,
    word_pages,
)
from hub.answers import json_faults
from hub.cap import api as cap_api
from hub.cap import pages as cap_pages
from hub.cap import public as cap_public
from hub.metrics import METRICS, Metrics, measured
from hub.mirror import webhook
from hub.node_now import Programmes
from hub.notify import pages as notify_pages
from hub.page_guard import strict_headers
from hub.passwords import Checker
from hub.relay import pages as relay_pages
from hub.services import SERVICES, Services
from hub.serving import guarded
from hub.sessions import CHECKER


def create_node_app(services: Services, counted: Metrics | None = None) -> web.Application:
    """Build the node-facing endpoints; they are fit for the open network."""
    app = web.Application(middlewares=[guarded, measured, json_faults])
    app[METRICS] = counted or Metrics()
    _install_node_routes(app, services)
    return app


def create_companion_app(services: Services, counted: Metrics | None = None) -> web.Application:
    """Build what a companion serves (`hub.companion`): files, events, records and enrolments."""
    app = web.Application(middlewares=[guarded, measured, json_faults])
    app[METRICS] = counted or Metrics()
    _install_file_routes(app, services)
    openapi.install(app)
    return app


def create_app(services: Services, counted: Metrics | None = None) -> web.Application:
    """Build the node-facing endpoints and the pages; away from this machine only over TLS."""
    app = web.Application(
        middlewares=[guarded, measured, strict_headers, pages.page_faults, access.guard]
    )
    app[METRICS] = counted or Metrics()
    _install_node_routes(app, services)
    app[translations.TRANSLATIONS] = translations.load()
    app[assets.ASSETS] = assets.Assets()
    app[pages.TEMPLATES] = pages.templates()
    app[pages.PROGRAMMES] = Programmes()
    app[CHECKER] = Checker()
    app.add_routes([*pages.ROUTES, *bulletin_pages.ROUTES, *emergency_pages.ROUTES, *assets.ROUTES])
    app.add_routes([*approval_pages.ROUTES, *offer_pages.ROUTES, *installation_pages.ROUTES])
    app.add_routes(
        [*node_pages.ROUTES, *bulk_pages.ROUTES, *notice_pages.ROUTES, *cap_pages.ROUTES]
    )
    app.add_routes([*editor_pages.ROUTES, *word_pages.ROUTES])
    app.add_routes(
        [*report_pages.ROUTES, *calendar_pages.ROUTES, *unit_pages.ROUTES, *approver_pages.ROUTES]
    )
    app.add_routes(play_pages.ROUTES)
    app.add_routes([*frame_pages.ROUTES, *relay_pages.ROUTES, *notify_pages.ROUTES])
    upload_pages.install(app)
    app.add_routes([*picture_pages.ROUTES, *organisation_pages.ROUTES])
    app.add_routes([*account_pages.ROUTES, *administration_pages.ROUTES, *mirror_pages.ROUTES])
    return app


def _install_file_routes(app: web.Application, services: Services) -> None:
    app[SERVICES] = services
    app[static_files.METADATA_FILES] = static_files.MetadataFiles()
    app[static_files.SMALL_BLOBS] = static_files.SmallBlobs()
    app[events.WAKES] = events.Wakes(services.config.repository)
    app.cleanup_ctx.append(events.lifespan)
    app.add_routes(
        [*static_files.ROUTES, *records_api.ROUTES, *enrolment_api.ROUTES, *events.ROUTES]
    )
    pack.install(app, services)


def _install_node_routes(app: web.Application, services: Services) -> None:
    _install_file_routes(app, services)
    app.add_routes(cap_api.ROUTES)
    cap_public.install(app)
    app.add_routes(webhook.ROUTES)
    openapi.install(app)
