'use strict';
const { Aws, Duration, Fn, ReferenceStrength } = require('aws-cdk-lib');
const ec2 = require('aws-cdk-lib/aws-ec2');
const beanstalk = require('aws-cdk-lib/aws-elasticbeanstalk');
const cloudwatch = require('aws-cdk-lib/aws-cloudwatch');
const { Construct } = require('constructs');
const { acknowledge } = require('./findings');
const { optionRows } = require('./options');
const { InstanceRole, ServiceRole } = require('./roles');

const PUBLIC = { subnetType: ec2.SubnetType.PUBLIC };
const BRANCH = 'Docker running on 64bit Amazon Linux 2023';
const VARIABLES = 'aws:elasticbeanstalk:application:environment';
const SECRETS = 'aws:elasticbeanstalk:application:environmentsecrets';

class DockerEnvironment extends Construct {
  constructor(scope, id, { stage, network, database, variables, secrets }) {
    super(scope, id);
    this.serviceRole = new ServiceRole(this, 'ServiceRole').role;
    const instances = new InstanceRole(this, 'InstanceRole');
    this.instanceRole = instances.role;
    const rows = [
      ...optionRows(stage, this.tokens(stage, network, instances.profileName)),
      ...Object.entries(variables).map(([name, value]) => [VARIABLES, name, value]),
      ...Object.entries(secrets).map(([name, secret]) => [SECRETS, name, secret.reference]),
      ...stage.environment.options.map((option) => [option.namespace, option.name, option.value, option.resource_name]),
    ];
    for (const { source } of Object.values(secrets)) source.grantRead(this.instanceRole);
    const ownApplication = application(this, this.serviceRole, stage.environment.max_versions);
    this.applicationName = ownApplication.ref;
    this.resource = this.newEnvironment(stage, rows);
    this.resource.node.addDependency(this.instanceRole);
    acknowledge(this.resource, 'EB4');
    this.waitForNetwork(stage, network);
    for (const part of [this.resource, this.serviceRole, this.instanceRole, ownApplication]) {
      part.applyCrossStackReferenceStrength(ReferenceStrength.BOTH);
    }
    if (database) this.resource.addMetadata('beanpod:reads', database.replacementKey);
    this.environmentName = this.resource.ref;
    this.endpoint = this.resource.attrEndpointUrl;
  }

  tokens({ environment }, { vpc, groups, instanceSubnets, loadBalancerSubnets }, profileName) {
    const selected = vpc.selectSubnets(environment.private_instances ? instanceSubnets : PUBLIC);
    return {
      vpcId: vpc.vpcId,
      instanceSubnets: Fn.join(',', selected.subnetIds),
      publicInstances: selected.hasPublic,
      loadBalancerSubnets: loadBalancerSubnets && Fn.join(',', vpc.selectSubnets(loadBalancerSubnets).subnetIds),
      instanceGroup: groups.instances.securityGroupId,
      loadBalancerGroup: groups.loadBalancer?.securityGroupId,
      serviceRole: this.serviceRole.roleArn,
      profileName,
    };
  }

  // The environment comes after its subnets' routes and gateways, and goes before them.
  waitForNetwork({ environment }, { vpc, instanceSubnets, loadBalancerSubnets }) {
    const selections = [environment.private_instances ? instanceSubnets : PUBLIC, loadBalancerSubnets];
    const subnets = selections.filter(Boolean).flatMap((selection) => vpc.selectSubnets(selection).subnets);
    this.resource.node.addDependency(...subnets.map((subnet) => subnet.internetConnectivityEstablished));
  }

  newEnvironment(stage, rows) {
    const { platform } = stage.environment;
    const version = platform === 'latest' ? '' : `/${platform}`;
    return new beanstalk.CfnEnvironment(this, 'Resource', {
      applicationName: this.applicationName,
      description: `${stage.service.name}, stage ${stage.name}`,
      platformArn: `arn:${Aws.PARTITION}:elasticbeanstalk:${Aws.REGION}::platform/${BRANCH}${version}`,
      optionSettings: rows.sort(byName).map(([namespace, optionName, value, resourceName]) => (
        { namespace, optionName, value, resourceName: resourceName ?? undefined }
      )),
    });
  }

  metricHealth() {
    return new cloudwatch.Metric({
      namespace: 'AWS/ElasticBeanstalk',
      metricName: 'EnvironmentHealth',
      dimensionsMap: { EnvironmentName: this.environmentName },
      statistic: 'Maximum',
      period: Duration.minutes(1),
    });
  }
}

function application(scope, serviceRole, maxCount) {
  return new beanstalk.CfnApplication(new Construct(scope, 'Application'), 'Resource', {
    resourceLifecycleConfig: {
      serviceRole: serviceRole.roleArn,
      versionLifecycleConfig: { maxCountRule: { enabled: true, maxCount, deleteSourceFromS3: true } },
    },
  });
}

function byName([namespaceA, nameA], [namespaceB, nameB]) {
  const [a, b] = [`${namespaceA}\0${nameA}`, `${namespaceB}\0${nameB}`];
  return a < b ? -1 : Number(a > b);
}

module.exports = { DockerEnvironment };
