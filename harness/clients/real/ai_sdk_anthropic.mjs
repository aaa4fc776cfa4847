/**
 * The Vercel AI SDK with its provider for Anthropic.
 *
 * Source: https://github.com/vercel/ai/blob/main/content/providers/01-ai-sdk-providers/05-anthropic.mdx
 */

import { createAnthropic } from "@ai-sdk/anthropic";

import { entries } from "./ai_sdk.mjs";

const provider = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1`, apiKey: process.env.ANTHROPIC_API_KEY });

export const { read, loop } = entries(({ model }) => provider(model));
