'use strict';
const { Duration, ReferenceStrength, RemovalPolicy, Stack, Validations } = require('aws-cdk-lib');
const ec2 = require('aws-cdk-lib/aws-ec2');
const rds = require('aws-cdk-lib/aws-rds');
const { Construct } = require('constructs');
const { acknowledge } = require('./findings');

const SLOW_QUERY_LOG = { slow_query_log: '1', log_output: 'FILE', long_query_time: '2' };
const MYSQL_FAMILY = { logExports: ['error', 'slowquery'], parameters: SLOW_QUERY_LOG, tls: 'require_secure_transport' };
const POSTGRES_FAMILY = { logExports: ['postgresql', 'upgrade'], parameters: {}, tls: 'rds.force_ssl' };
const MEANINGFUL_CHARACTERS = ' !"#$%&\'()*+,-/:;<=>?@[\\]^`{|}~';
const ENGINES = {
  mysql: (version) => ({
    ...MYSQL_FAMILY,
    port: 3306,
    engine: rds.DatabaseInstanceEngine.mysql({ version: rds.MysqlEngineVersion.of(version, major(version, 2)) }),
  }),
  mariadb: (version) => ({
    ...MYSQL_FAMILY,
    port: 3306,
    engine: rds.DatabaseInstanceEngine.mariaDb({ version: rds.MariaDbEngineVersion.of(version, major(version, 2)) }),
  }),
  postgres: (version) => ({
    ...POSTGRES_FAMILY,
    port: 5432,
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.of(version, major(version, 1)) }),
  }),
};
const major = (version, parts) => version.split('.').slice(0, parts).join('.');

class DatabaseStack extends Stack {
  constructor(scope, id, { stage, network, ...props }) {
    super(scope, id, props);
    this.database = new Database(this, 'Database', stage.database, network);
  }
}

class Database extends Construct {
  constructor(scope, id, config, network) {
    super(scope, id);
    const made = ENGINES[config.engine](config.version);
    const secret = new rds.DatabaseSecret(this, 'Secret', {
      username: config.username, excludeCharacters: MEANINGFUL_CHARACTERS,
    });
    const instance = new rds.DatabaseInstance(this, 'Instance', {
      ...placement(network),
      ...storage(config),
      ...engine(this, made),
      instanceType: new ec2.InstanceType(config.instance_type),
      multiAz: config.multi_az,
      credentials: rds.Credentials.fromSecret(secret, config.username),
      databaseName: config.name,
      removalPolicy: RemovalPolicy.SNAPSHOT,
      iamAuthentication: true,
      enablePerformanceInsights: insights(config),
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: true,
    });
    acceptMajorVersion(instance, config);
    acknowledge(secret, 'SMG4');
    acknowledge(instance, 'RDS11');
    acknowledge(this, ...choices(config));
    for (const part of [instance, instance.secret]) part.applyCrossStackReferenceStrength(ReferenceStrength.BOTH);
    this.replacementKey = [config.engine, config.name, config.username].join(' ');
    this.host = instance.dbInstanceEndpointAddress;
    this.port = String(made.port);
    this.name = config.name;
    this.username = config.username;
    this.secret = instance.secret;
  }
}

function choices(config) {
  return [
    ...(config.multi_az ? [] : ['RDS3']),
    ...(config.deletion_protection ? [] : ['RDS10']),
    ...(config.backup_retention_days ? [] : ['RDS13']),
  ];
}

function acceptMajorVersion(instance, { engine: name, version }) {
  if (name === 'postgres' || version.split('.').length > 2) return;
  const reason = `RDS takes ${version} as the newest ${version}.x, and upgrades it`;
  Validations.of(instance).acknowledge({ id: 'CloudFormation-Validate::E9006', reason });
}

function placement({ vpc, databaseSubnets, groups }) {
  return { vpc, vpcSubnets: databaseSubnets, securityGroups: [groups.database], publiclyAccessible: false };
}

function storage(config) {
  return {
    allocatedStorage: config.allocated_storage,
    maxAllocatedStorage: config.max_allocated_storage ?? undefined,
    storageType: rds.StorageType.GP3,
    storageEncrypted: true,
    backupRetention: Duration.days(config.backup_retention_days),
    copyTagsToSnapshot: true,
    deletionProtection: config.deletion_protection,
  };
}

function engine(scope, made) {
  return {
    engine: made.engine,
    port: made.port,
    cloudwatchLogsExports: made.logExports,
    parameterGroup: new rds.ParameterGroup(scope, 'Parameters', {
      engine: made.engine, parameters: { ...made.parameters, [made.tls]: '1' },
    }),
  };
}

// RDS has no Performance Insights for MySQL and MariaDB on the two smallest sizes of a family.
function insights({ engine: name, instance_type: size }) {
  return name === 'postgres' || !/\.(micro|small)$/.test(size);
}

module.exports = { DatabaseStack };
