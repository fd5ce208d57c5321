"""nginx in front of API processes: one configuration, for containers and for `omnibus cluster up`."""

from server.nginx.configuration import Configuration, for_containers, for_one_machine
from server.nginx.service import NginxServer, find_nginx

__all__ = ["Configuration", "NginxServer", "find_nginx", "for_containers", "for_one_machine"]
