"""The hub's applications: one for nodes, one with the pages as well."""

from aiohttp import web

from hub import events, records_api, static_files
from hub.answers import json_faults
from hub.services import SERVICES, Services
from hub.serving import guarded


def create_node_app(services: Services) -> web.Application:
    """Build the node-facing endpoints; they are fit for the open network."""
    app = web.Application(middlewares=[guarded, json_faults], client_max_size=0)
    install_node_routes(app, services)
    return app


def install_node_routes(app: web.Application, services: Services) -> None:
    """Add the node-facing endpoints and what they need to an application."""
    app[SERVICES] = services
    app[static_files.METADATA_FILES] = static_files.MetadataFiles()
    app[events.WAKES] = events.Wakes(services.config.repository)
    app.cleanup_ctx.append(events.lifespan)
    app.add_routes([*static_files.ROUTES, *records_api.ROUTES, *events.ROUTES])
