"""Patches of moto 5.2.5: our services in the place of its own, and fixes, each with its reason."""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.loaders
import botocore.session
import moto.core.loaders
import moto.core.responses
import moto.core.utils
import moto.s3.models
from moto import backends
from moto.acm.models import AWSCertificateManagerBackend, CertBundle
from moto.core.base_backend import BackendDict
from moto.core.exceptions import AWSError
from moto.core.utils import get_service_model
from moto.iam.access_control import IAMPolicy
from moto.iam.exceptions import EntityAlreadyExists
from moto.iam.models import IAMBackend
from moto.route53.exceptions import Route53ClientError
from moto.route53.models import HostedZoneIdentifier, Route53Backend
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response
from moto.s3.utils import compute_checksum

from beanpod_emulator import dns
from beanpod_emulator.beanstalk import launch_checks
from beanpod_emulator.beanstalk.listeners import listeners
from beanpod_emulator.beanstalk.models import ElasticBeanstalkBackend, backend_of
from beanpod_emulator.cloudformation.models import CloudFormationBackend
from beanpod_emulator.state import Emulator

if TYPE_CHECKING:
    from moto.ec2.models import EC2Backend
    from moto.rds.models import DBSubnetGroup, RDSBackend

# moto needs optional libraries for the others.
_CHECKED = ("SHA256", "SHA1", "CRC32")


class BadDigestError(S3ClientError):
    """The content does not match its checksum."""

    code = "BadDigest"

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"The {algorithm} you specified did not match the calculated checksum.")


class CertificateInUseError(AWSError):
    TYPE = "ResourceInUseException"


class RecordExistsError(Route53ClientError):
    def __init__(self, name: str, kind: str) -> None:
        text = f"[Tried to create resource record set [name='{name}.', type='{kind}'] but it already exists]"
        super().__init__("InvalidChangeBatch", text)


def install(emulator: Emulator) -> None:
    """Apply all patches; call it before the first request."""
    _models_are_parsed_once()
    _actions_are_listed_once()
    _own_services(emulator)
    _loopback_is_secure()
    _existing_provider_is_named()
    _settings_have_a_tier()
    _check_checksums()
    _certificates_are_issued_when_validated()
    _certificates_in_use_stay()
    _zone_ids_begin_with_z()
    _records_are_created_once()
    moto.s3.models.utcnow = emulator.clock.now  # type: ignore[attr-defined]


def _models_are_parsed_once() -> None:
    """botocore parses an API's model for each of its sessions, of which moto has several: 0.25 s for EC2's.

    moto itself lists the models of all APIs before it reads one, and has a few of its own.
    """
    loader, with_extras = botocore.loaders.create_loader(), moto.core.loaders.create_loader()
    botocore.session.create_loader = lambda search_path_string=None: loader
    moto.core.utils.create_loader = lambda: with_extras  # type: ignore[attr-defined]


def _actions_are_listed_once() -> None:
    """moto lists the methods of a service's class for each request: 8 % of what a stack's creation takes."""
    once = cache(moto.core.utils.method_names_from_class)
    moto.core.responses.method_names_from_class = once  # type: ignore[attr-defined]


def _own_services(emulator: Emulator) -> None:
    """moto looks a service up by its name: there it finds ours.

    EC2 and RDS are patched when they are first used, since importing moto's EC2 takes half a second.
    """
    find = backends.get_backend
    own: dict[str, Any] = {}
    for service, backend in (("cloudformation", CloudFormationBackend), ("elasticbeanstalk", ElasticBeanstalkBackend)):
        # moto's services are those of the process, and it creates their backends itself: their class has the emulator.
        attributes = {"__module__": backend.__module__, "emulator": emulator}
        own[service] = BackendDict(type(backend.__name__, (backend,), attributes), service)
    later = {"ec2": _gateway_in_use_stays_attached, "rds": _groups_of_databases_stay}

    def get_backend(name: Any) -> Any:
        if patch := later.pop(name, None):
            patch()
        return own[name] if name in own else find(name)

    backends.get_backend = get_backend


def _loopback_is_secure() -> None:
    """moto applies a bucket policy's statements without their conditions: "deny what is not TLS" would deny all.

    Nothing leaves the machine here, so such a statement never applies, as it never does over HTTPS.
    """
    judge = FakeBucket.get_permission

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        if self.policy is None:
            return judge(self, action, resource)
        document = json.loads(self.policy)
        document["Statement"] = [it for it in document["Statement"] if not _only_without_tls(it)]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign]


def _groups_of_databases_stay() -> None:
    """moto deletes the parameter or subnet group of a database, and then fails at every DescribeDBInstances.

    It also takes a DB subnet group out of its list to change it, and does not put it back.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBParameterGroup.html
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html
    """
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import RDSBackend

    class ParameterGroupInUseError(RDSClientError):
        code = "InvalidDBParameterGroupState"

    class SubnetGroupInUseError(RDSClientError):
        code = "InvalidDBSubnetGroupStateFault"

    change = RDSBackend.modify_db_subnet_group
    delete_parameter_group, delete_subnet_group = RDSBackend.delete_db_parameter_group, RDSBackend.delete_subnet_group

    def modify_db_subnet_group(self: "RDSBackend", subnet_name: str, *arguments: Any, **more: Any) -> "DBSubnetGroup":
        group = change(self, subnet_name, *arguments, **more)
        self.subnet_groups[subnet_name] = group
        return group

    def delete_db_parameter_group(self: "RDSBackend", db_parameter_group_name: str) -> Any:
        if any(it.db_parameter_group_name == db_parameter_group_name for it in self.databases.values()):
            raise ParameterGroupInUseError(
                "One or more database instances are still members of this parameter group "
                f"{db_parameter_group_name}, so the group cannot be deleted"
            )
        return delete_parameter_group(self, db_parameter_group_name)

    def delete_db_subnet_group(self: "RDSBackend", subnet_name: str) -> "DBSubnetGroup":
        for name, database in self.databases.items():
            if database._db_subnet_group_name == subnet_name:
                raise SubnetGroupInUseError(
                    f"Cannot delete the subnet group '{subnet_name}' because at least one database instance: {name} "
                    "is still using it."
                )
        return delete_subnet_group(self, subnet_name)

    RDSBackend.modify_db_subnet_group = modify_db_subnet_group  # type: ignore[method-assign]
    RDSBackend.delete_db_parameter_group = delete_db_parameter_group  # type: ignore[method-assign]
    RDSBackend.delete_subnet_group = delete_db_subnet_group  # type: ignore[method-assign]


def _existing_provider_is_named() -> None:
    """moto's message for a second OIDC provider with the same URL is "Unknown"."""
    create = IAMBackend.create_open_id_connect_provider

    def create_open_id_connect_provider(self: IAMBackend, url: str, *arguments: Any, **more: Any) -> Any:
        try:
            return create(self, url, *arguments, **more)
        except EntityAlreadyExists as error:
            raise EntityAlreadyExists(f"Provider with url {url} already exists.") from error

    IAMBackend.create_open_id_connect_provider = create_open_id_connect_provider  # type: ignore[method-assign]


def _settings_have_a_tier() -> None:
    """AWS answers DescribeConfigurationSettings with a Tier that its published model lacks: the EB CLI reads it."""
    shapes = get_service_model("elasticbeanstalk")._service_description["shapes"]  # type: ignore[attr-defined]
    shapes["ConfigurationSettingsDescription"]["members"]["Tier"] = {"shape": "EnvironmentTier"}


def _gateway_in_use_stays_attached() -> None:
    """moto detaches an internet gateway whose VPC has public addresses: here of environments and NAT gateways.

    EC2 refuses that, which makes a stack's deletion fail where a DependsOn is missing:
    https://github.com/hashicorp/terraform/issues/1303
    """
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models import EC2Backend

    detach = EC2Backend.detach_internet_gateway

    def detach_internet_gateway(self: "EC2Backend", internet_gateway_id: str, vpc_id: str) -> None:
        environments = backend_of(self.account_id, self.region_name).environments.all
        held = any(
            it.live and launch_checks.vpc_id(it) == vpc_id and launch_checks.has_public_addresses(it)
            for it in environments
        )
        gateways = self.nat_gateways.values()
        if held or any(it.vpc_id == vpc_id and it.state == "available" for it in gateways):
            raise DependencyViolationError(
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway."
            )
        detach(self, internet_gateway_id, vpc_id)

    EC2Backend.detach_internet_gateway = detach_internet_gateway  # type: ignore[method-assign,assignment]


def _certificates_are_issued_when_validated() -> None:
    """moto issues a certificate a minute after the request, whether or not the domain's owner has confirmed it.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    check = CertBundle.check

    def check_validation(self: CertBundle) -> None:
        if (self.type, self.status) != ("AMAZON_ISSUED", "PENDING_VALIDATION"):
            check(self)
            return
        options = self.describe()["Certificate"]["DomainValidationOptions"]
        records = [option["ResourceRecord"] for option in options]
        if all(dns.target(record["Name"]) == record["Value"].rstrip(".") for record in records):
            self.status = "ISSUED"

    CertBundle.check = check_validation  # type: ignore[method-assign]


def _certificates_in_use_stay() -> None:
    """moto knows only its own load balancers as users of a certificate, not those of environments.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html
    """
    delete = AWSCertificateManagerBackend.delete_certificate

    def delete_certificate(self: AWSCertificateManagerBackend, arn: str) -> None:
        environments = backend_of(self.account_id, self.region_name).environments.all
        if any(arn in it.certificates for env in environments if env.live for it in listeners(env)):
            raise CertificateInUseError(f"Certificate {arn} in account {self.account_id} is in use.")
        delete(self, arn)

    AWSCertificateManagerBackend.delete_certificate = delete_certificate  # type: ignore[method-assign]


def _zone_ids_begin_with_z() -> None:
    """moto's ids of hosted zones begin with any character."""
    generate = HostedZoneIdentifier.generate
    HostedZoneIdentifier.generate = lambda *given, **more: f"Z{generate(*given, **more)[1:]}"  # type: ignore[method-assign]


def _records_are_created_once() -> None:
    """moto refuses to create a record again after its deletion, and creates one twice whose values differ."""
    change = Route53Backend.change_resource_record_sets

    def change_resource_record_sets(self: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        zone = self.get_hosted_zone(zoneid)
        existing = {(record.name.rstrip("."), record.type, record.set_identifier) for record in zone.rrsets}
        for item in change_list:
            record = item["ResourceRecordSet"]
            name, kind = record["Name"].rstrip("."), record["Type"]
            if item["Action"] == "CREATE":
                if (name, kind, record.get("SetIdentifier")) in existing:
                    raise RecordExistsError(name, kind)
                item["Action"] = "UPSERT"
        change(self, zoneid, change_list)

    Route53Backend.change_resource_record_sets = change_resource_record_sets  # type: ignore[method-assign]


def _only_without_tls(statement: dict[str, Any]) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {})
    return str(condition.get("aws:SecureTransport")).lower() == "false"


def _check_checksums() -> None:
    """moto accepts any checksum of an object."""
    get_checksum = S3Response._get_checksum

    def _get_checksum(self: S3Response, response_headers: dict[str, Any]) -> tuple[str, str | None]:
        for algorithm in _CHECKED:
            if stated := self.headers.get(f"x-amz-checksum-{algorithm.lower()}"):
                return _checked(self, algorithm, stated, response_headers)
        return get_checksum(self, response_headers)

    S3Response._get_checksum = _get_checksum  # type: ignore[method-assign]


def _checked(response: S3Response, algorithm: str, stated: str, headers: dict[str, Any]) -> tuple[str, str]:
    if compute_checksum(response.body or b"", algorithm).decode() != stated:
        raise BadDigestError(algorithm)
    headers[f"x-amz-checksum-{algorithm.lower()}"] = stated
    return algorithm, stated
