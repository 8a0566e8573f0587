// constructs/beanpod/environment_properties.py: rows of namespace, name and value.
'use strict';

const ENVIRONMENT = 'aws:elasticbeanstalk:environment';
const MANAGED = 'aws:elasticbeanstalk:managedactions';

function optionRows({ environment, service }, tokens) {
  return [
    ...placement(environment, tokens),
    ...instances(environment, tokens),
    ...deployment(environment),
    ...observability(environment),
    ...updates(environment, tokens),
    ...(environment.type === 'LoadBalanced' ? balanced(environment, service, tokens) : single(service)),
  ];
}

const single = ({ health_check_path: path }) => rows('aws:elasticbeanstalk:application', { 'Application Healthcheck URL': path });

const rows = (namespace, values) => Object.entries(values).map(([name, value]) => [namespace, name, String(value)]);

function placement(environment, tokens) {
  return [
    ...rows(ENVIRONMENT, { EnvironmentType: environment.type, ServiceRole: tokens.serviceRole }),
    ...rows('aws:ec2:vpc', {
      VPCId: tokens.vpcId,
      Subnets: tokens.instanceSubnets,
      AssociatePublicIpAddress: tokens.publicInstances,
    }),
  ];
}

function instances(environment, tokens) {
  return [
    ...rows('aws:ec2:instances', { InstanceTypes: environment.instance_types.join(',') }),
    ...rows('aws:autoscaling:launchconfiguration', {
      IamInstanceProfile: tokens.profileName,
      SecurityGroups: tokens.instanceGroup,
      DisableDefaultEC2SecurityGroup: true,
      DisableIMDSv1: true,
      RootVolumeType: 'gp3',
      RootVolumeSize: environment.root_volume_size,
    }),
    ...rows('aws:autoscaling:asg', { MinSize: environment.min_size, MaxSize: environment.max_size }),
  ];
}

function deployment(environment) {
  const policy = environment.deployment_policy;
  const found = rows('aws:elasticbeanstalk:command', { DeploymentPolicy: policy });
  if (policy.startsWith('Rolling')) {
    const { batch_size_type: BatchSizeType, batch_size: BatchSize } = environment;
    found.push(...rows('aws:elasticbeanstalk:command', { BatchSizeType, BatchSize }));
  }
  if (policy === 'TrafficSplitting') {
    found.push(...rows('aws:elasticbeanstalk:trafficsplitting', {
      NewVersionPercent: environment.traffic_split_percent, EvaluationTime: environment.evaluation_minutes,
    }));
  }
  return found;
}

function observability(environment) {
  const retention = { DeleteOnTerminate: false, RetentionInDays: environment.log_retention_days };
  return [
    ...rows('aws:elasticbeanstalk:healthreporting:system', { SystemType: 'enhanced' }),
    ...rows('aws:elasticbeanstalk:cloudwatch:logs', { StreamLogs: true, ...retention }),
    ...rows('aws:elasticbeanstalk:cloudwatch:logs:health', { HealthStreamingEnabled: true, ...retention }),
  ];
}

function updates({ managed_updates: managed }, tokens) {
  const found = rows(MANAGED, { ManagedActionsEnabled: Boolean(managed) });
  if (managed) {
    found.push(
      ...rows(MANAGED, { PreferredStartTime: managed.start, ServiceRoleForManagedUpdates: tokens.serviceRole }),
      ...rows(`${MANAGED}:platformupdate`, { UpdateLevel: managed.level }),
    );
  }
  return found;
}

function balanced(environment, service, tokens) {
  return [
    ...rows('aws:ec2:vpc', { ELBSubnets: tokens.loadBalancerSubnets, ELBScheme: 'public' }),
    ...trigger(environment.scaling),
    ...rows('aws:autoscaling:updatepolicy:rollingupdate', { RollingUpdateEnabled: true, RollingUpdateType: 'Health' }),
    ...rows(ENVIRONMENT, { LoadBalancerType: 'application' }),
    ...rows(`${ENVIRONMENT}:process:default`, { HealthCheckPath: service.health_check_path }),
    ...rows('aws:elbv2:loadbalancer', {
      SecurityGroups: tokens.loadBalancerGroup, ManagedSecurityGroup: tokens.loadBalancerGroup,
    }),
  ];
}

function trigger(scaling) {
  const periods = scaling.breach_duration_minutes / scaling.period_minutes;
  return rows('aws:autoscaling:trigger', {
    MeasureName: scaling.measure,
    Unit: scaling.unit,
    Statistic: scaling.statistic,
    LowerThreshold: scaling.lower_threshold,
    UpperThreshold: scaling.upper_threshold,
    Period: scaling.period_minutes,
    BreachDuration: scaling.breach_duration_minutes,
    ...periods > 1 && { EvaluationPeriods: periods },
  });
}

module.exports = { optionRows };
