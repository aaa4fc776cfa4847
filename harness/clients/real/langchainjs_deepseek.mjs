/**
 * LangChain.js with its chat model for DeepSeek.
 *
 * Source: https://docs.langchain.com/oss/javascript/integrations/chat/deepseek.md
 */

import { ChatDeepSeek } from "@langchain/deepseek";

import { entries } from "./langchainjs.mjs";

export const { read, loop } = entries(ChatDeepSeek);
