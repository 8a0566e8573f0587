"""Patches of moto 5.2.5: our services in the place of its own, and fixes, each with its reason."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

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
from moto.core.responses import ActionResult
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
from beanpod_emulator.patching import patches
from beanpod_emulator.state import Emulator

# Between two changes of a database's storage.
_STORAGE_CHANGES = timedelta(hours=6)
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
    own: dict[str, Any] = {}
    for service, backend in (("cloudformation", CloudFormationBackend), ("elasticbeanstalk", ElasticBeanstalkBackend)):
        # moto's services are those of the process, and it creates their backends itself: their class has the emulator.
        attributes = {"__module__": backend.__module__, "emulator": emulator}
        own[service] = BackendDict(type(backend.__name__, (backend,), attributes), service)
    later: dict[str, Callable[[], None]] = {
        "ec2": _gateway_in_use_stays_attached,
        "rds": lambda: _databases_are_changed_as_by_rds(emulator),
    }

    @patches(backends)
    def get_backend(find: Any, name: Any) -> Any:
        if name is None:
            raise NotImplementedError("moto has no such service")
        if patch := later.pop(name, None):
            patch()
        return own[name] if name in own else find(name)


def _loopback_is_secure() -> None:
    """moto applies a bucket policy's statements without their conditions: "deny what is not TLS" would deny all.

    Nothing leaves the machine here, so such a statement never applies, as it never does over HTTPS.
    """

    @patches(FakeBucket)
    def get_permission(judge: Any, self: FakeBucket, action: str, resource: str) -> Any:
        if self.policy is None:
            return judge(self, action, resource)
        document = json.loads(self.policy)
        document["Statement"] = [it for it in document["Statement"] if not _only_without_tls(it)]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)


def _only_without_tls(statement: dict[str, Any]) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {})
    return str(condition.get("aws:SecureTransport")).lower() == "false"


def _databases_are_changed_as_by_rds(emulator: Emulator) -> None:
    """Patch RDS, once it is used."""
    _groups_of_databases_stay()
    _parameters_are_reset()
    _databases_grow_and_are_upgraded(emulator)


def _databases_grow_and_are_upgraded(emulator: Emulator) -> None:
    """moto upgrades a database to another major version unasked, and to an older one, and makes its storage smaller.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html and, of the six hours,
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.ModifyingExisting.html
    """
    from moto.rds.exceptions import InvalidParameterCombination
    from moto.rds.models import DBInstance, RDSBackend

    grown: WeakKeyDictionary[DBInstance, datetime] = WeakKeyDictionary()

    @patches(RDSBackend)
    def modify_db_instance(change: Any, self: RDSBackend, db_instance_identifier: str, db_kwargs: Any) -> DBInstance:
        before = self.describe_db_instances(db_instance_identifier)[0]
        versions = (before.engine_version, db_kwargs.get("engine_version", before.engine_version))
        old, new = (_major(before.engine, version) for version in versions)
        if new > old and not db_kwargs.get("allow_major_version_upgrade"):
            raise InvalidParameterCombination(
                "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version."
            )
        old, new = (_numbers(version) for version in versions)
        if new < old[: len(new)]:
            raise InvalidParameterCombination(f"Cannot upgrade {before.engine} from {versions[0]} to {versions[1]}")
        size = int(before.allocated_storage)
        wanted, now = int(db_kwargs.get("allocated_storage") or size), emulator.clock.now()
        if wanted < size:
            raise InvalidParameterCombination(
                f"Requested storage size ({wanted}) cannot be less than the current storage size ({size})."
            )
        last = grown.get(before)
        if wanted > size and last and now - last < _STORAGE_CHANGES:
            raise InvalidParameterCombination(
                "You can't currently modify the storage of this DB instance because the previous storage change is "
                "being optimized."
            )
        changed: DBInstance = change(self, db_instance_identifier, db_kwargs)
        if wanted > size:
            grown[changed] = now
        return changed


def _major(engine: str, version: str) -> tuple[int, ...]:
    """Return the major version: 8.4 of MySQL's "8.4.9", 17 of PostgreSQL's "17.2"."""
    return _numbers(version)[: 1 if engine == "postgres" else 2]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _groups_of_databases_stay() -> None:
    """moto deletes the parameter or subnet group of a database, and then fails at every DescribeDBInstances.

    It also takes a DB subnet group out of its list to change it, and does not put it back.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBParameterGroup.html
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html
    """
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import DBSubnetGroup, RDSBackend

    class ParameterGroupInUseError(RDSClientError):
        code = "InvalidDBParameterGroupState"

    class SubnetGroupInUseError(RDSClientError):
        code = "InvalidDBSubnetGroupStateFault"

    @patches(RDSBackend)
    def modify_db_subnet_group(
        change: Any, self: RDSBackend, subnet_name: str, *arguments: Any, **more: Any
    ) -> DBSubnetGroup:
        group: DBSubnetGroup = change(self, subnet_name, *arguments, **more)
        self.subnet_groups[subnet_name] = group
        return group

    @patches(RDSBackend)
    def delete_db_parameter_group(delete: Any, self: RDSBackend, db_parameter_group_name: str) -> Any:
        if any(it.db_parameter_group_name == db_parameter_group_name for it in self.databases.values()):
            raise ParameterGroupInUseError(
                "One or more database instances are still members of this parameter group "
                f"{db_parameter_group_name}, so the group cannot be deleted"
            )
        return delete(self, db_parameter_group_name)

    @patches(RDSBackend)
    def delete_subnet_group(delete: Any, self: RDSBackend, subnet_name: str) -> Any:
        for name, database in self.databases.items():
            if database._db_subnet_group_name == subnet_name:
                raise SubnetGroupInUseError(
                    f"Cannot delete the subnet group '{subnet_name}' because at least one database instance: {name} "
                    "is still using it."
                )
        return delete(self, subnet_name)


def _parameters_are_reset() -> None:
    """moto lacks ResetDBParameterGroup, by which CloudFormation takes parameters out of a group."""
    from moto.rds.exceptions import DBParameterGroupNotFoundError
    from moto.rds.responses import RDSResponse

    def reset_db_parameter_group(self: RDSResponse) -> ActionResult:
        name = self.params["DBParameterGroupName"]
        if name not in self.backend.db_parameter_groups:
            raise DBParameterGroupNotFoundError(name)
        parameters = self.backend.db_parameter_groups[name].parameters
        if self.params.get("ResetAllParameters"):
            parameters.clear()
        for parameter in self.params.get("Parameters", []):
            parameters.pop(parameter.original_dict()["ParameterName"], None)
        return ActionResult({"DBParameterGroupName": name})

    RDSResponse.reset_db_parameter_group = reset_db_parameter_group  # type: ignore[attr-defined]


def _existing_provider_is_named() -> None:
    """moto's message for a second OIDC provider with the same URL is "Unknown"."""

    @patches(IAMBackend)
    def create_open_id_connect_provider(create: Any, self: IAMBackend, url: str, *arguments: Any, **more: Any) -> Any:
        try:
            return create(self, url, *arguments, **more)
        except EntityAlreadyExists as error:
            raise EntityAlreadyExists(f"Provider with url {url} already exists.") from error


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

    @patches(EC2Backend)
    def detach_internet_gateway(detach: Any, self: EC2Backend, internet_gateway_id: str, vpc_id: str) -> None:
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


def _certificates_are_issued_when_validated() -> None:
    """moto issues a certificate a minute after the request, whether or not the domain's owner has confirmed it.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """

    @patches(CertBundle)
    def check(original: Any, self: CertBundle) -> None:
        if (self.type, self.status) != ("AMAZON_ISSUED", "PENDING_VALIDATION"):
            original(self)
            return
        options = self.describe()["Certificate"]["DomainValidationOptions"]
        records = [option["ResourceRecord"] for option in options]
        if all(dns.target(record["Name"]) == record["Value"].rstrip(".") for record in records):
            self.status = "ISSUED"


def _certificates_in_use_stay() -> None:
    """moto knows only its own load balancers as users of a certificate, not those of environments.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html
    """

    @patches(AWSCertificateManagerBackend)
    def delete_certificate(delete: Any, self: AWSCertificateManagerBackend, arn: str) -> None:
        environments = backend_of(self.account_id, self.region_name).environments.all
        if any(arn in it.certificates for env in environments if env.live for it in listeners(env)):
            raise CertificateInUseError(f"Certificate {arn} in account {self.account_id} is in use.")
        delete(self, arn)


def _zone_ids_begin_with_z() -> None:
    """moto's ids of hosted zones begin with any character."""

    @patches(HostedZoneIdentifier)
    def generate(original: Any, *given: Any, **more: Any) -> str:
        return f"Z{original(*given, **more)[1:]}"


def _records_are_created_once() -> None:
    """moto refuses to create a record again after its deletion, and creates one twice whose values differ."""

    @patches(Route53Backend)
    def change_resource_record_sets(
        change: Any, self: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]
    ) -> None:
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


def _check_checksums() -> None:
    """moto accepts any checksum of an object."""

    @patches(S3Response)
    def _get_checksum(get_checksum: Any, self: S3Response, response_headers: dict[str, Any]) -> Any:
        for algorithm in _CHECKED:
            if stated := self.headers.get(f"x-amz-checksum-{algorithm.lower()}"):
                if compute_checksum(self.body or b"", algorithm).decode() != stated:
                    raise BadDigestError(algorithm)
                response_headers[f"x-amz-checksum-{algorithm.lower()}"] = stated
                return algorithm, stated
        return get_checksum(self, response_headers)
