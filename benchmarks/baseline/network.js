'use strict';
const { Aws, Fn, ReferenceStrength, RemovalPolicy, Stack, Tags } = require('aws-cdk-lib');
const ec2 = require('aws-cdk-lib/aws-ec2');
const iam = require('aws-cdk-lib/aws-iam');
const logs = require('aws-cdk-lib/aws-logs');
const { Construct } = require('constructs');
const { acknowledge } = require('./findings');

const PUBLIC = { subnetType: ec2.SubnetType.PUBLIC };
const PRIVATE = { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS };
const ISOLATED = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };
const MOST_AZS = 3;
const PORTS = { mysql: 3306, mariadb: 3306, postgres: 5432 };

class NetworkStack extends Stack {
  constructor(scope, id, { stage, ...props }) {
    super(scope, id, props);
    this.network = new ServiceNetwork(this, 'Network', {
      natGateways: stage.network.nat_gateways,
      maxAzs: stage.network.max_azs,
      flowLogs: stage.network.flow_logs,
      loadBalanced: stage.environment.type === 'LoadBalanced',
      databasePort: stage.database ? PORTS[stage.database.engine] : undefined,
    });
    if (!stage.network.flow_logs) acknowledge(this.network, 'VPC7');
  }
}

class ServiceNetwork extends Construct {
  constructor(scope, id, { natGateways, maxAzs, flowLogs, loadBalanced, databasePort }) {
    super(scope, id);
    this.vpc = newVpc(this, natGateways, maxAzs);
    if (flowLogs) new FlowLogs(this, 'FlowLogs', this.vpc);
    this.groups = new ServiceSecurityGroups(this, 'SecurityGroups', { vpc: this.vpc, loadBalanced, databasePort });
    this.loadBalancerSubnets = loadBalanced ? PUBLIC : undefined;
    this.instanceSubnets = loadBalanced && natGateways > 0 ? PRIVATE : PUBLIC;
    this.databaseSubnets = ISOLATED;
    this.exportAll(maxAzs);
  }

  // Other stacks import these: they stay exported, whatever the manifest needs at present.
  exportAll(maxAzs) {
    const { vpc, groups } = this;
    groups.exportAll(vpc);
    const subnets = vpc.privateSubnets.length ? vpc.privateSubnets : privateSubnets(vpc, maxAzs);
    exportId(vpc, vpc.vpcId);
    for (const subnet of [...vpc.publicSubnets, ...vpc.isolatedSubnets, ...subnets]) exportId(subnet, subnet.subnetId);
  }
}

function exportId(part, id) {
  part.applyCrossStackReferenceStrength(ReferenceStrength.STRONG);
  Stack.of(part).exportValue(id);
}

function privateSubnets(vpc, maxAzs) {
  return Array.from({ length: maxAzs }, (_, index) => {
    const subnet = new ec2.PrivateSubnet(vpc, `PrivateSubnet${index + 1}`, {
      vpcId: vpc.vpcId,
      availabilityZone: Fn.select(index, Fn.getAzs()),
      cidrBlock: `10.0.${2 * MOST_AZS + index}.0/24`,
      mapPublicIpOnLaunch: false,
    });
    for (const [key, value] of [['name', 'Private'], ['type', 'Isolated']]) {
      Tags.of(subnet).add(`aws-cdk:subnet-${key}`, value, { includeResourceTypes: ['AWS::EC2::Subnet'] });
    }
    return subnet;
  });
}

function newVpc(scope, natGateways, maxAzs) {
  const zones = Fn.getAzs();
  const subnet = (name, selection, more) => ({ name, ...selection, cidrMask: 24, ...more });
  return new ec2.Vpc(scope, 'Vpc', {
    availabilityZones: Array.from({ length: maxAzs }, (_, index) => Fn.select(index, zones)),
    reservedAzs: MOST_AZS - maxAzs,
    natGateways,
    subnetConfiguration: [
      subnet('Public', PUBLIC, { mapPublicIpOnLaunch: natGateways === 0 }),
      subnet('Database', ISOLATED),
      ...(natGateways ? [subnet('Private', PRIVATE)] : []),
    ],
    restrictDefaultSecurityGroup: false,
  });
}

class ServiceSecurityGroups extends Construct {
  constructor(scope, id, { vpc, loadBalanced, databasePort }) {
    super(scope, id);
    const group = (name, words) => this.group(vpc, name, words);
    this.loadBalancer = loadBalanced ? group('LoadBalancer', 'Load balancer') : undefined;
    this.instances = group('Instances', 'Instances');
    this.database = databasePort ? group('Database', 'Database') : undefined;
    this.open(this.loadBalancer ?? this.instances);
    if (this.loadBalancer) allow(this.loadBalancer, this.instances, 80, 'Requests from load balancer');
    if (this.database) allow(this.instances, this.database, databasePort, 'Queries from instances');
  }

  group(vpc, name, words) {
    return new ec2.SecurityGroup(this, name, { vpc, description: `${words} of the service`, allowAllOutbound: false });
  }

  exportAll(vpc) {
    const groups = [
      this.loadBalancer ?? this.group(vpc, 'LoadBalancer', 'Load balancer'),
      this.instances,
      this.database ?? this.group(vpc, 'Database', 'Database'),
    ];
    for (const group of groups) exportId(group, group.securityGroupId);
  }

  open(front) {
    acknowledge(front, 'EC23');
    const [http, https] = [ec2.Port.tcp(80), ec2.Port.tcp(443)];
    for (const peer of [ec2.Peer.anyIpv4(), ec2.Peer.anyIpv6()]) {
      front.addIngressRule(peer, http, 'HTTP from the internet');
      front.addIngressRule(peer, https, 'HTTPS from the internet');
      this.instances.addEgressRule(peer, https, 'HTTPS to AWS and image registries');
      this.instances.addEgressRule(peer, http, 'HTTP to package mirrors');
    }
  }
}

function allow(source, target, port, description) {
  target.connections.allowFrom(source, ec2.Port.tcp(port), description);
}

class FlowLogs extends Construct {
  constructor(scope, id, vpc) {
    super(scope, id);
    const records = new logs.LogGroup(this, 'Records', {
      retention: logs.RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    new ec2.CfnFlowLog(this, 'FlowLog', {
      resourceId: vpc.vpcId,
      resourceType: 'VPC',
      trafficType: 'ALL',
      logDestinationType: 'cloud-watch-logs',
      logGroupName: records.logGroupName,
      deliverLogsPermissionArn: writer(this, records).roleArn,
    });
  }
}

function writer(scope, records) {
  const write = new iam.PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
    resources: [records.logGroupArn],
  });
  return new iam.Role(scope, 'Writer', {
    assumedBy: new iam.ServicePrincipal('vpc-flow-logs.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
    description: 'Lets VPC flow logs write to their log group',
    inlinePolicies: { WriteRecords: new iam.PolicyDocument({ statements: [write] }) },
  });
}

module.exports = { NetworkStack };
