'use strict';
const { Aws, CfnOutput, Duration, RemovalPolicy, SecretValue, Stack } = require('aws-cdk-lib');
const iam = require('aws-cdk-lib/aws-iam');
const s3 = require('aws-cdk-lib/aws-s3');
const secretsmanager = require('aws-cdk-lib/aws-secretsmanager');
const { Construct } = require('constructs');
const { acknowledge, acknowledgeWildcards } = require('./findings');

class DeliveryStack extends Stack {
  constructor(scope, id, { stage, environment, ...props }) {
    super(scope, id, props);
    const artifacts = new ArtifactBucket(this, 'Artifacts', environment);
    const { bucket } = artifacts;
    const documents = policyDocuments(stage.documents, {
      partition: Aws.PARTITION,
      region: Aws.REGION,
      account: Aws.ACCOUNT_ID,
      application: environment.applicationName,
      environment: environment.environmentName,
      bucket: bucket.bucketArn,
      instance_role: environment.instanceRole.roleArn,
      delivery_stack: this.stackName,
      service_stack: Stack.of(environment).stackName,
    });
    new CfnOutput(this, 'BucketName', { value: bucket.bucketName });
    if (stage.delivery.user) {
      const user = new DeployUser(this, 'DeployUser', documents, stage.delivery.access_key_serial);
      new CfnOutput(this, 'DeployerSecretArn', { value: user.secret.secretArn });
    }
  }
}

class ArtifactBucket extends Construct {
  constructor(scope, id, { instanceRole, serviceRole }) {
    super(scope, id);
    this.bucket = new s3.Bucket(this, 'Resource', {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      lifecycleRules: [{
        id: 'TidyUp',
        abortIncompleteMultipartUploadAfter: Duration.days(1),
        noncurrentVersionExpiration: Duration.days(30),
        expiredObjectDeleteMarker: true,
      }],
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    acknowledge(this.bucket, 'S1');
    this.allow(instanceRole, 'InstancesReadBundles', ['s3:GetObject', 's3:GetObjectVersion']);
    this.allow(serviceRole, 'LifecycleDeletesBundles', ['s3:DeleteObject']);
  }

  allow(role, sid, actions) {
    this.bucket.addToResourcePolicy(new iam.PolicyStatement({
      sid,
      principals: [new iam.ArnPrincipal(role.roleArn)],
      actions,
      resources: [this.bucket.arnForObjects('bundles/*')],
    }));
  }
}

// The statements are plain data in Python too: they come with the plan, with names where tokens belong.
function policyDocuments(documents, tokens) {
  const filled = (value) => {
    if (typeof value === 'string') return value.replace(/<(\w+)>/g, (_, name) => tokens[name]);
    if (Array.isArray(value)) return value.map(filled);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)]));
  };
  return Object.entries(documents).map(([name, Statement]) => [name, { Version: '2012-10-17', Statement: filled(Statement) }]);
}

class DeployUser extends Construct {
  constructor(scope, id, documents, serial) {
    super(scope, id);
    const user = new iam.User(this, 'Resource');
    acknowledgeWildcards(this, documents.map(([name, json]) => {
      const document = iam.PolicyDocument.fromJson(json);
      return [new iam.ManagedPolicy(this, name, { document, users: [user] }), json];
    }));
    const key = new iam.AccessKey(this, 'AccessKey', { user, serial, status: iam.AccessKeyStatus.ACTIVE });
    this.secret = new secretsmanager.Secret(this, 'Secret', {
      description: "The deployer's access key: copy AWS_ACCESS_KEY and AWS_SECRET_KEY into the CI's secrets",
      secretObjectValue: {
        AWS_ACCESS_KEY: SecretValue.resourceAttribute(key.accessKeyId),
        AWS_SECRET_KEY: key.secretAccessKey,
      },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(this.secret, 'SMG4');
  }
}

module.exports = { DeliveryStack };
