/**
 * LangChain.js with its chat model for OpenAI.
 *
 * Source: https://docs.langchain.com/oss/javascript/integrations/chat/openai.md
 */

import { ChatOpenAI } from "@langchain/openai";

import { entries } from "./langchainjs.mjs";

export const { read, loop } = entries(ChatOpenAI);
