import { crc32 } from "@node-rs/crc32";
import { z } from "zod";

const Body = z.object({ id: z.string() });

export const handler = async (event) => ({
  statusCode: 200,
  body: JSON.stringify({ crc: crc32("abc"), id: Body.parse({ id: "x" }).id, region: process.env.AWS_REGION }),
});
