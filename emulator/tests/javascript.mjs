// AWS's SDK for JavaScript with nothing but the printed environment: what it sends is said in test_javascript.py.
import { Readable } from "node:stream";
import { GetObjectCommand, CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const s3 = new S3Client();
const where = { Bucket: "of-javascript", Key: "a b+(ü).txt" };
const read = async () => (await s3.send(new GetObjectCommand(where))).Body.transformToString();
const said = {};

said.identity = (await new STSClient().send(new GetCallerIdentityCommand())).Arn;
await s3.send(new CreateBucketCommand({ Bucket: where.Bucket }));
await s3.send(new PutObjectCommand({ ...where, Body: "text", Metadata: { made_by: "us" } }));
said.text = await read();
const stream = Readable.from([Buffer.from("a "), Buffer.from("stream")]);
await s3.send(new PutObjectCommand({ ...where, Body: stream, ContentLength: 8 }));
said.stream = await read();
said.keys = (await s3.send(new ListObjectsV2Command({ Bucket: where.Bucket }))).Contents.map(({ Key }) => Key);

const get = await getSignedUrl(s3, new GetObjectCommand(where), { expiresIn: 60 });
said.presigned = await (await fetch(get)).text();
const put = await getSignedUrl(s3, new PutObjectCommand({ ...where, ContentType: "text/plain" }));
const uploaded = await fetch(put, { method: "PUT", body: "presigned", headers: { "content-type": "text/plain" } });
said.uploaded = [uploaded.status, await read()];
said.altered = (await fetch(get.replace("of-javascript", "of-others"))).status;
said.wrong = await new STSClient({ credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "x" } })
  .send(new GetCallerIdentityCommand())
  .catch((error) => error.name);
console.log(JSON.stringify(said));
