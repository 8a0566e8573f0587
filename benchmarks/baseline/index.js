// The baseline of app.py, stacks/ and constructs/beanpod/: the same constructs under the same ids, without jsii.
// Usage: node index.js PLAN.json, which benchmarks/programs.py wrote.
'use strict';
const fs = require('node:fs');
const { App } = require('aws-cdk-lib');
const { Preflight } = require('cdk-preflight');
const { NetworkStack } = require('./network');
const { DatabaseStack } = require('./database');
const { ServiceStack } = require('./service');
const { DeliveryStack } = require('./delivery');

function addStage(app, stage) {
  const prefix = `${stage.service.name}-${stage.name}`;
  const props = {
    stage,
    env: { account: stage.account ?? undefined, region: stage.region ?? undefined },
    tags: { 'beanpod:service': stage.service.name, 'beanpod:stage': stage.name },
  };
  const { network } = new NetworkStack(app, `${prefix}-network`, props);
  const database = stage.database && new DatabaseStack(app, `${prefix}-database`, {
    ...props, network, terminationProtection: stage.database.deletion_protection,
  }).database;
  const { dockerEnvironment: environment } = new ServiceStack(app, `${prefix}-service`, { ...props, network, database });
  new DeliveryStack(app, `${prefix}-delivery`, { ...props, environment });
}

const app = new App();
Preflight.apply(app);
for (const stage of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) addStage(app, stage);
app.synth();
