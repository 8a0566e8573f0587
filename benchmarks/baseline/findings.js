// constructs/beanpod/_nag.py: acknowledgements of cdk-nag's findings.
'use strict';
const { Stack, Validations } = require('aws-cdk-lib');

// The reasons are in the constructs; one of the same length costs the same.
const REASON = 'Acknowledged for the reason that the construct gives beside it, in a sentence of this length.';

function acknowledge(construct, ...rules) {
  Validations.of(construct).acknowledge(...rules.map((rule) => ({ id: `AwsSolutions-${rule}`, reason: REASON })));
}

function acknowledgeManagedPolicies(role, names) {
  acknowledge(role, ...names.map((name) => `IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`));
}

// At once, and again when the references to other stacks are resolved.
function acknowledgeWildcards(deployer, policies) {
  const acknowledged = new Set();
  const validate = () => {
    for (const [policy, document] of policies) {
      const names = document.Statement.flatMap(({ Resource }) => Resource).filter((name) => name.includes('*'));
      const found = Stack.of(policy).resolve(names).map((name) => `IAM5[Resource::${flat(name)}]`);
      const added = [...new Set(found)].filter((rule) => !acknowledged.has(`${policy.node.id} ${rule}`));
      acknowledge(policy, ...added);
      added.forEach((rule) => acknowledged.add(`${policy.node.id} ${rule}`));
    }
    return [];
  };
  validate();
  deployer.node.addValidation({ validate });
}

function flat(value) {
  if (typeof value === 'string') return value.replaceAll('${', '<').replaceAll('}', '>');
  if (value['Fn::Join']) return value['Fn::Join'][1].map(flat).join(value['Fn::Join'][0]);
  if (value['Fn::GetAtt']) return `<${value['Fn::GetAtt'].map(flat).join('.')}>`;
  return value.Ref ? `<${value.Ref}>` : JSON.stringify(value);
}

module.exports = { acknowledge, acknowledgeManagedPolicies, acknowledgeWildcards };
