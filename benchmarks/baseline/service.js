'use strict';
const { CfnOutput, Stack } = require('aws-cdk-lib');
const cloudwatch = require('aws-cdk-lib/aws-cloudwatch');
const actions = require('aws-cdk-lib/aws-cloudwatch-actions');
const secretsmanager = require('aws-cdk-lib/aws-secretsmanager');
const sns = require('aws-cdk-lib/aws-sns');
const subscriptions = require('aws-cdk-lib/aws-sns-subscriptions');
const { DockerEnvironment } = require('./environment');
const { acknowledge } = require('./findings');

const DEGRADED = 20;
class ServiceStack extends Stack {
  constructor(scope, id, { stage, network, database, ...props }) {
    super(scope, id, props);
    this.dockerEnvironment = new DockerEnvironment(this, 'Environment', {
      stage,
      network,
      database,
      variables: variables(stage, database),
      secrets: { ...secrets(this, stage), ...password(database) },
    });
    new CfnOutput(this, 'ServiceImage', {
      value: stage.service.image,
      description: 'The project whose stacks these are: one of the same service.name has another image',
    });
    new CfnOutput(this, 'ManifestTables', {
      value: stage.tables,
      description: "Digests of the manifest's tables: a release warns about those that have changed since",
    });
    this.watch(stage.alarms.email);
    new CfnOutput(this, 'ApplicationName', { value: this.dockerEnvironment.applicationName });
    new CfnOutput(this, 'EnvironmentName', { value: this.dockerEnvironment.environmentName });
    new CfnOutput(this, 'Region', { value: this.region });
    const { applicationName, environmentName, instanceRole, serviceRole } = this.dockerEnvironment;
    for (const value of [applicationName, environmentName, instanceRole.roleArn, serviceRole.roleArn]) {
      this.exportValue(value);
    }
    new CfnOutput(this, 'Url', { value: `http://${this.dockerEnvironment.endpoint}` });
  }

  watch(email) {
    const alarm = new cloudwatch.Alarm(this, 'HealthAlarm', {
      alarmDescription: 'The environment is Degraded or Severe: requests fail or an instance is down.',
      metric: this.dockerEnvironment.metricHealth(),
      threshold: DEGRADED,
      evaluationPeriods: 3,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    });
    if (!email) return;
    const topic = new sns.Topic(this, 'Alarms', { enforceSSL: true });
    topic.addSubscription(new subscriptions.EmailSubscription(email));
    alarm.addAlarmAction(new actions.SnsAction(topic));
  }
}

function variables(stage, database) {
  const filled = (text) => text.replace(/\{\{|\}\}|\{database\.(\w+)\}/g, (match, key) => (key ? database[key] : match[0]));
  const own = Object.fromEntries(Object.entries(stage.variables).map(([name, text]) => [name, filled(text)]));
  return database ? {
    ...own,
    RDS_HOSTNAME: database.host,
    RDS_PORT: database.port,
    RDS_DB_NAME: database.name,
    RDS_USERNAME: database.username,
  } : own;
}

function secrets(stack, stage) {
  return Object.fromEntries(Object.entries(stage.secrets).map(([name, { generate }]) => {
    const source = new secretsmanager.Secret(stack, `Secret${name}`, {
      description: `${name} of the service`,
      generateSecretString: { passwordLength: generate, excludePunctuation: true },
    });
    acknowledge(source, 'SMG4');
    return [name, { source, reference: source.secretFullArn }];
  }));
}

function password(database) {
  if (!database) return {};
  return { RDS_PASSWORD: { source: database.secret, reference: `${database.secret.secretFullArn}:password` } };
}

module.exports = { ServiceStack };
