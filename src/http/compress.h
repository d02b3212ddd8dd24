/* Large answers, compressed where that saves more time on the network than it takes here. */
#pragma once

#include "http/message.h"

/*
 * Compresses a JSON body from 32 KiB on, by gzip at its quickest, where the client has asked for it
 * by TCP: on the unix socket nothing is saved. A list shrinks to a tenth at about 100 MB a second.
 * Slow for what is large: for workers.
 */
void response_compress(HttpResponse *response, const HttpRequest *request);
