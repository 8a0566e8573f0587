'use strict';
const iam = require('aws-cdk-lib/aws-iam');
const { Construct } = require('constructs');

const NO_PURCHASES = {
  Version: '2012-10-17',
  Statement: [{
    Sid: 'NoPurchases',
    Effect: 'Deny',
    Action: ['aws-marketplace:Subscribe', 'aws-marketplace:Unsubscribe'],
    Resource: '*',
  }],
};
const awsManaged = (name) => iam.ManagedPolicy.fromAwsManagedPolicyName(name);

class ServiceRole extends Construct {
  constructor(scope, id) {
    super(scope, id);
    this.role = new iam.Role(this, 'Resource', {
      assumedBy: new iam.ServicePrincipal('elasticbeanstalk.amazonaws.com', {
        conditions: { StringEquals: { 'sts:ExternalId': 'elasticbeanstalk' } },
      }),
      description: 'Beanstalk watches the environment and applies platform updates with this role',
      managedPolicies: [
        awsManaged('service-role/AWSElasticBeanstalkEnhancedHealth'),
        awsManaged('AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy'),
      ],
    });
  }
}

class InstanceRole extends Construct {
  constructor(scope, id) {
    super(scope, id);
    this.role = new iam.Role(this, 'Resource', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      description: "What the environment's instances, and so its containers, may do",
      managedPolicies: [awsManaged('AWSElasticBeanstalkWebTier')],
      inlinePolicies: { NoPurchases: iam.PolicyDocument.fromJson(NO_PURCHASES) },
    });
    this.profileName = new iam.InstanceProfile(this, 'InstanceProfile', { role: this.role }).instanceProfileName;
  }
}

module.exports = { InstanceRole, ServiceRole };
