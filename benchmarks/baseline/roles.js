'use strict';
const iam = require('aws-cdk-lib/aws-iam');
const { Construct } = require('constructs');
const { acknowledgeManagedPolicies } = require('./findings');

const NO_PURCHASES = {
  Version: '2012-10-17',
  Statement: [{
    Sid: 'NoPurchases',
    Effect: 'Deny',
    Action: ['aws-marketplace:Subscribe', 'aws-marketplace:Unsubscribe'],
    Resource: '*',
  }],
};
const SERVICE_POLICIES = [
  'service-role/AWSElasticBeanstalkEnhancedHealth',
  'AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy',
];
const INSTANCE_POLICIES = ['AWSElasticBeanstalkWebTier'];
const awsManaged = (name) => iam.ManagedPolicy.fromAwsManagedPolicyName(name);

class ServiceRole extends Construct {
  constructor(scope, id) {
    super(scope, id);
    this.role = new iam.Role(this, 'Resource', {
      assumedBy: new iam.ServicePrincipal('elasticbeanstalk.amazonaws.com', {
        conditions: { StringEquals: { 'sts:ExternalId': 'elasticbeanstalk' } },
      }),
      description: 'Beanstalk watches the environment and applies platform updates with this role',
      managedPolicies: SERVICE_POLICIES.map(awsManaged),
    });
    acknowledgeManagedPolicies(this.role, SERVICE_POLICIES);
  }
}

class InstanceRole extends Construct {
  constructor(scope, id) {
    super(scope, id);
    this.role = new iam.Role(this, 'Resource', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      description: "What the environment's instances, and so its containers, may do",
      managedPolicies: INSTANCE_POLICIES.map(awsManaged),
      inlinePolicies: { NoPurchases: iam.PolicyDocument.fromJson(NO_PURCHASES) },
    });
    acknowledgeManagedPolicies(this.role, INSTANCE_POLICIES);
    this.profileName = new iam.InstanceProfile(this, 'InstanceProfile', { role: this.role }).instanceProfileName;
  }
}

module.exports = { InstanceRole, ServiceRole };
